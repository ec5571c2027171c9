import { expect, test } from 'vitest'
import { Attempts } from '../src/worker/attempts.ts'
import { resolveWorkerOptions, WORKER_DEFAULTS } from '../src/worker/options.ts'
import { Prefetch } from '../src/worker/prefetch.ts'
import { decideRetry } from '../src/worker/retry-policy.ts'

const policy = { ...WORKER_DEFAULTS.retry, jitter: 0 }

test('exponential pauses double and stop growing at the limit', () => {
  const pauses = [1, 2, 3, 4].map((attempt) => decideRetry({ ...policy, maxDelay: 5 }, attempt, 0))
  expect(pauses).toEqual([1, 2, 4, 5].map((delay) => ({ action: 'release', delay })))
})

test('linear and fixed pauses', () => {
  expect(decideRetry({ ...policy, backoff: 'linear', delay: 2 }, 3, 0)).toEqual({ action: 'release', delay: 6 })
  expect(decideRetry({ ...policy, backoff: 'fixed', delay: 2 }, 3, 0)).toEqual({ action: 'release', delay: 2 })
})

test('the last try is followed by bury', () => {
  expect(decideRetry(policy, 5, 0)).toEqual({ action: 'bury' })
  expect(decideRetry({ ...policy, attempts: 1 }, 1, 0)).toEqual({ action: 'bury' })
})

test('jitter only shortens a pause', () => {
  expect(decideRetry({ ...policy, jitter: 0.5, delay: 10 }, 1, 0.5)).toEqual({ action: 'release', delay: 7.5 })
})

test('a very late try has a finite pause', () => {
  expect(decideRetry({ ...policy, attempts: 5000 }, 4000, 0)).toEqual({ action: 'release', delay: 3600 })
})

test('attempts count from one, per task, and start again when forgotten', () => {
  const attempts = new Attempts(10)
  expect(attempts.current(1)).toBe(1)
  attempts.fail(1)
  attempts.fail(1)
  expect(attempts.current(1)).toBe(3)
  expect(attempts.current(2)).toBe(1)
  attempts.forget(1)
  expect(attempts.current(1)).toBe(1)
})

test('attempts are remembered for so many tasks at most, the latest failures first', () => {
  const attempts = new Attempts(2)
  attempts.fail(1)
  attempts.fail(2)
  attempts.fail(1)
  attempts.fail(3)
  expect([1, 2, 3].map((id) => attempts.current(id))).toEqual([3, 1, 2])
})

test('fast handlers have work held ahead, slow ones none', () => {
  const fast = new Prefetch(1000, 0)
  for (let now = 0; now < 200; now += 0.05) fast.completed(now)
  expect(fast.size).toBeGreaterThan(300)
  expect(fast.size).toBeLessThanOrEqual(1000)
  const slow = new Prefetch(1000, 0)
  for (let now = 0; now < 10_000; now += 100) slow.completed(now)
  expect(slow.size).toBe(0)
})

test.each([
  [{ concurrency: 0 }, 'concurrency'],
  [{ concurrency: 1.5 }, 'concurrency'],
  [{ prefetch: -1 }, 'prefetch'],
  [{ retry: { attempts: 0 } }, 'retry.attempts'],
  [{ retry: { delay: Number.NaN } }, 'retry.delay'],
  [{ retry: { jitter: 2 } }, 'retry.jitter'],
  [{ retry: { backoff: 'never' as 'fixed' } }, 'retry.backoff'],
])('worker options %j are refused by the name of the option', (options, name) => {
  expect(() => resolveWorkerOptions(options)).toThrow(`Expected \`${name}\` to be`)
})

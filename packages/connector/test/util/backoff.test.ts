import { expect, test } from 'vitest'
import { backoffDelay } from '../../src/util/backoff.ts'

const policy = { minDelayMs: 50, maxDelayMs: 1000, attempts: Number.POSITIVE_INFINITY }

test('each delay is twice the one before, up to the longest, and at least half of it', () => {
  const delays = [1, 2, 3, 5, 6, 7, 5000]
  expect(delays.map((attempt) => backoffDelay(policy, attempt, () => 0))).toEqual([25, 50, 100, 400, 500, 500, 500])
  expect(delays.map((attempt) => backoffDelay(policy, attempt, () => 1))).toEqual([50, 100, 200, 800, 1000, 1000, 1000])
})

test('gives up when the tries are used up', () => {
  expect(backoffDelay({ ...policy, attempts: 3 }, 3, () => 0)).toBeDefined()
  expect(backoffDelay({ ...policy, attempts: 3 }, 4, () => 0)).toBeUndefined()
})

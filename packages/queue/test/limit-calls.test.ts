import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { limitCalls, type RateLimiter, TooManyRequestsError, Zone } from '../src/limits.ts'

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

const LOGIN = { rate: 5, size: 1000 }

/** A limited function that notes when it ran for what. */
function start(zone: Zone | typeof LOGIN = LOGIN) {
  const ran = new Map<number, number>()
  const begun = performance.now()
  const login = limitCalls({ key: (ip) => ip, zone, burst: 100, delay: 8 }, (_ip: string, call: number) => {
    ran.set(call, performance.now() - begun)
    return call
  })
  return { ran, login }
}

describe('row 23: limitCalls', () => {
  test('120 calls at once at 5/s, burst 100, delay 8: 9 run at once, 92 in turn, 19 are refused', async () => {
    const { ran, login } = start()
    const calls = Array.from({ length: 120 }, (_, i) => login('10.0.0.1', i + 1))
    const settled = Promise.allSettled(calls)
    expect([...ran.keys()]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
    await vi.advanceTimersByTimeAsync(199)
    expect(ran.size).toBe(9)
    await vi.advanceTimersByTimeAsync(1)
    expect(ran.get(10)).toBe(200)
    await vi.advanceTimersByTimeAsync(20_000)
    expect(ran.size).toBe(101)
    expect([...ran.keys()]).toEqual(Array.from({ length: 101 }, (_, i) => i + 1))
    expect(ran.get(51)).toBe(8400)
    expect(ran.get(101)).toBe(18_400)
    const results = await settled
    expect(results[0]).toEqual({ status: 'fulfilled', value: 1 })
    const refusals = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []))
    expect(refusals).toHaveLength(19)
    for (const error of refusals) {
      expect(error).toBeInstanceOf(TooManyRequestsError)
      expect(error).toMatchObject({ code: 'TOO_MANY_REQUESTS', retryAfterMs: 200, retryable: true, sent: false })
    }
    expect(vi.getTimerCount()).toBe(0)
  })

  test('another key is not touched', async () => {
    const { ran, login } = start()
    const settled = Promise.allSettled(Array.from({ length: 120 }, (_, i) => login('10.0.0.1', i)))
    await login('10.0.0.2', 1000)
    expect(ran.get(1000)).toBe(0)
    await vi.runAllTimersAsync()
    await settled
  })

  test('a zone of size 1000 never holds more than 1000 keys', async () => {
    const zone = new Zone(LOGIN)
    const { login } = start(zone)
    const results = await Promise.allSettled(
      Array.from({ length: 1500 }, (_, i) => login(`10.0.${i >> 8}.${i % 256}`, i)),
    )
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1000)
    expect(zone.keys).toBe(1000)
  })

  test('an aborted wait rejects with the reason, does not run, and keeps no timer', async () => {
    const abort = new AbortController()
    let runs = 0
    const call = limitCalls({ key: () => 'k', zone: LOGIN, burst: 5, signal: () => abort.signal }, () => {
      runs += 1
    })
    await call()
    const waiting = call()
    expect(vi.getTimerCount()).toBe(1)
    const reason = new Error('the user has gone')
    abort.abort(reason)
    await expect(waiting).rejects.toBe(reason)
    expect(vi.getTimerCount()).toBe(0)
    await expect(call()).rejects.toBe(reason)
    await vi.runAllTimersAsync()
    expect(runs).toBe(1)
  })

  test('a call whose signal was aborted before is not counted', async () => {
    const zone = new Zone(LOGIN)
    const call = limitCalls({ key: () => 'k', zone, signal: () => AbortSignal.abort('no') }, () => 1)
    await expect(call()).rejects.toBe('no')
    expect(zone.keys).toBe(0)
  })

  test('what the function throws or rejects with is what the caller gets', async () => {
    const failed = new Error('503')
    const throwing = limitCalls({ key: () => 'k', zone: LOGIN, burst: 1, nodelay: true }, () => {
      throw failed
    })
    await expect(throwing()).rejects.toBe(failed)
    const rejecting = limitCalls({ key: () => 'k', zone: LOGIN }, () => Promise.reject(failed))
    await expect(rejecting()).rejects.toBe(failed)
  })

  test('two limits around each other both hold', async () => {
    const user = new Zone({ rate: 1 })
    const all = new Zone({ rate: 1 })
    const inner = limitCalls({ key: () => 'all', zone: all, burst: 2, nodelay: true }, (name: string) => name)
    const call = limitCalls({ key: (name) => name, zone: user }, inner)
    expect(await call('ann')).toBe('ann')
    await expect(call('ann')).rejects.toMatchObject({ key: 'ann' })
    await call('bob')
    await call('cid')
    await expect(call('dan')).rejects.toMatchObject({ key: 'all' })
  })

  test('a limiter of one’s own is asked, and a wait beyond what a timer can hold does not end at once', async () => {
    const limiter: RateLimiter = {
      rate: 1,
      check: () => Promise.resolve({ granted: true, delayMs: 2 ** 31 + 1000, excess: 1 }),
    }
    let hasRun = false
    const call = limitCalls({ key: () => 'k', limiter }, () => {
      hasRun = true
    })
    const called = call()
    await vi.advanceTimersByTimeAsync(2 ** 31 - 1)
    expect(hasRun).toBe(false)
    await vi.advanceTimersByTimeAsync(1001)
    await called
    expect(hasRun).toBe(true)
  })
})

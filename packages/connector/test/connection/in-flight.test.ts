import { describe, expect, test, vi } from 'vitest'
import { InFlight } from '../../src/connection/in-flight.ts'
import { Pending } from '../../src/connection/pending.ts'
import { PingRequest } from '../../src/protocol/requests/ping.ts'

function table(max = 16_384): InFlight {
  return new InFlight(
    max,
    () => true,
    () => undefined,
  )
}

function pending(timeoutMs = Number.POSITIVE_INFINITY): Pending {
  const made = new Pending(new PingRequest(), timeoutMs, { atMs: performance.now() })
  made.promise.catch(() => undefined)
  return made
}

function send(inFlight: InFlight, request = pending()): number {
  const sync = inFlight.nextSync()
  inFlight.add(request, sync)
  return sync
}

describe('a table of requests in flight', () => {
  test('gives each reply to its request, in any order', () => {
    const inFlight = table()
    const requests = Array.from({ length: 2000 }, () => pending())
    const syncs = requests.map((request) => send(inFlight, request))
    expect(new Set(syncs).size).toBe(2000)
    for (const sync of [...syncs].reverse()) expect(inFlight.take(sync)).toBe(requests[syncs.indexOf(sync)])
    expect(inFlight.size).toBe(0)
  })

  test('never uses the number of a request that still waits, however many pass', () => {
    const inFlight = table()
    const slow = pending()
    const slowSync = send(inFlight, slow)
    for (let i = 0; i < 5000; i++) {
      const sync = send(inFlight)
      expect(sync).not.toBe(slowSync)
      inFlight.take(sync)
    }
    expect(inFlight.take(slowSync)).toBe(slow)
  })

  // Requirement 7.
  test('skips a waiting request when the numbers begin again, and never gives 0', () => {
    const inFlight = table()
    // The private counter is not set from outside: its end is reached by adding under the last number.
    const first = pending()
    inFlight.add(first, inFlight.nextSync())
    inFlight.add(pending(), 0xffff_ffff)
    expect(inFlight.nextSync()).toBe(2)
    inFlight.take(0xffff_ffff)
    inFlight.add(pending(), 0xffff_ffff)
    expect(inFlight.take(1)).toBe(first)
    expect(inFlight.nextSync()).toBe(1)
  })

  test('knows no request under a number that was not given, nor twice', () => {
    const inFlight = table()
    const sync = send(inFlight)
    expect(inFlight.take(sync + 256)).toBeUndefined()
    expect(inFlight.take(sync)).toBeDefined()
    expect(inFlight.take(sync)).toBeUndefined()
    expect(inFlight.take(0)).toBeUndefined()
    expect(inFlight.take(2 ** 53)).toBeUndefined()
  })

  // Requirement 34.
  test('keeps the place of an aborted request until its late reply', () => {
    const inFlight = table()
    const aborted = pending()
    const sync = send(inFlight, aborted)
    aborted.abort('reason')
    expect(inFlight.size).toBe(0)
    for (let i = 0; i < 1000; i++) expect(inFlight.take(send(inFlight))?.settled).toBe(false)
    expect(inFlight.take(sync)).toBe(aborted)
    expect(inFlight.size).toBe(0)
  })

  test('counts those places, so a server that never answers cannot make it grow', () => {
    const inFlight = table(10)
    for (let i = 0; i < 10; i++) {
      const request = pending()
      send(inFlight, request)
      request.abort('reason')
    }
    expect(() => inFlight.assertRoom()).toThrow(
      expect.objectContaining({ code: 'OVERLOADED', retryable: true, sent: false }),
    )
  })

  test('gives back what waits, in the order of sending', () => {
    const inFlight = table()
    const requests = Array.from({ length: 600 }, () => pending())
    requests.forEach((request, i) => {
      send(inFlight, request)
      request.position = i
    })
    requests[3]?.abort('reason')
    expect(inFlight.clear()).toEqual(requests.filter((_, i) => i !== 3))
  })
})

describe('a deadline', () => {
  test('rejects at its time and not before, with one timer for all', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate', 'performance'] })
    try {
      const inFlight = table()
      const early = pending(100)
      const late = pending(5000)
      for (const request of [late, early]) send(inFlight, request)
      expect(vi.getTimerCount()).toBe(1)
      await vi.advanceTimersByTimeAsync(99)
      expect(early.settled).toBe(false)
      await vi.advanceTimersByTimeAsync(2)
      await expect(early.promise).rejects.toMatchObject({ code: 'REQUEST_TIMEOUT', sent: true, retryable: false })
      expect(late.settled).toBe(false)
      expect(inFlight.size).toBe(1)
      await vi.advanceTimersByTimeAsync(5000)
      await expect(late.promise).rejects.toMatchObject({ code: 'REQUEST_TIMEOUT' })
      expect(vi.getTimerCount()).toBe(0)
    } finally {
      vi.useRealTimers()
    }
  })

  test('that has gone with its table leaves no timer', () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    try {
      const inFlight = table()
      send(inFlight, pending(100))
      inFlight.clear()
      expect(vi.getTimerCount()).toBe(0)
    } finally {
      vi.useRealTimers()
    }
  })
})

import { describe, expect, test } from 'vitest'
import { Limiter, type LimitOptions, Zone, type ZoneOptions } from '../src/limits.ts'
import { FakeClock } from './fake-caller.ts'
import { vectors } from './leaky-vectors.ts'

function start(options: ZoneOptions & LimitOptions) {
  const { rate, size = 1000, ...limit } = options
  const clock = new FakeClock()
  const zone = new Zone({ rate, size }, { clock })
  const limiter = new Limiter({ zone, ...limit })
  const grantedOf = (count: number, key = 'k'): number =>
    Array.from({ length: count }, () => limiter.check(key).granted).filter(Boolean).length
  return { clock, zone, limiter, grantedOf }
}

const TALK = { rate: 5, burst: 12, delay: 8 }
/** Of the groups in the file, by what their names say. */
const NGINX_OPTIONS = [TALK, TALK, { rate: 5, burst: 12, nodelay: true }, { rate: 1, burst: 5 }, TALK]

describe('row 24: nginx', () => {
  test.each(vectors.nginx_integer_model.groups.map((group, i) => ({ ...group, options: NGINX_OPTIONS[i] ?? TALK })))(
    '$name',
    ({ cases, options }) => {
      const { clock, limiter } = start(options)
      for (const { t_ms, granted, delay_ms, excess_milli } of cases) {
        clock.advance(t_ms - clock.now())
        const excess = excess_milli / 1000
        expect(limiter.check('k')).toEqual(
          granted
            ? { granted, delayMs: delay_ms, excess }
            : { granted, retryAfterMs: expect.any(Number) as number, excess },
        )
      }
    },
  )

  test('100 calls at the rate pass without a burst, and one that comes a millisecond early does not', () => {
    const { clock, limiter, grantedOf } = start({ rate: 2, nodelay: true })
    for (let i = 0; i < 100; i += 1) {
      expect(grantedOf(1)).toBe(1)
      clock.advance(500)
    }
    clock.advance(-1)
    expect(limiter.check('k')).toEqual({ granted: false, retryAfterMs: 1, excess: 0.002 })
  })

  test('without a delay threshold each call of the burst waits for its turn', () => {
    const { limiter } = start({ rate: 5, burst: 12 })
    const cases = vectors.port_2016_handler.groups.find(({ cases }) => cases !== undefined)?.cases ?? []
    expect(cases.length).toBeGreaterThan(10)
    for (const { result, delay_ms } of cases) {
      const verdict = limiter.check('k')
      expect(verdict.granted).toBe(result !== 'refused')
      if (verdict.granted) expect(verdict.delayMs).toBe(delay_ms ?? 0)
    }
  })
})

describe('requirement 42: a limiter', () => {
  test('lets the first call of a key pass, whatever the burst', () => {
    expect(start({ rate: 0.001 }).limiter.check('k')).toEqual({ granted: true, delayMs: 0, excess: 0 })
  })

  test('is left as it was by a refused call, which says when to come again', () => {
    const { clock, limiter, grantedOf } = start({ ...TALK, burst: 2 })
    expect(grantedOf(50)).toBe(3)
    expect(limiter.check('k')).toEqual({ granted: false, retryAfterMs: 200, excess: 3 })
    clock.advance(199)
    expect(grantedOf(50)).toBe(0)
    clock.advance(1)
    expect(grantedOf(50)).toBe(1)
  })

  test('earns nothing by idle time beyond the burst', () => {
    const { clock, grantedOf } = start(TALK)
    grantedOf(5)
    clock.advance(100_000)
    expect(grantedOf(600)).toBe(13)
  })

  test('earns nothing by a clock that steps back and forth', () => {
    const { clock, grantedOf } = start(TALK)
    clock.advance(10_000)
    expect(grantedOf(600)).toBe(13)
    clock.advance(-5000)
    expect(grantedOf(600)).toBe(0)
    clock.advance(5200)
    expect(grantedOf(600)).toBe(1)
    clock.advance(100_000)
    expect(grantedOf(5)).toBe(5)
    clock.advance(-5000)
    expect(grantedOf(3)).toBe(3)
    clock.advance(5000)
    expect(grantedOf(600)).toBe(5)
  })

  test('counts by key, and together with other limits of its zone', () => {
    const { zone, limiter, grantedOf } = start({ rate: 5, burst: 5 })
    expect(grantedOf(10, 'a')).toBe(6)
    expect(grantedOf(10, 'b')).toBe(6)
    expect(new Limiter({ zone, burst: 6 }).check('a')).toEqual({ granted: true, delayMs: 1200, excess: 6 })
    expect(limiter.check('a').granted).toBe(false)
  })

  test('refuses a new key while all keys of a full zone are active, and forgets only idle ones', () => {
    const { clock, zone, limiter, grantedOf } = start({ rate: 5, burst: 1, size: 3 })
    for (const key of ['a', 'b', 'c']) expect(grantedOf(1, key)).toBe(1)
    expect(limiter.check('d')).toEqual({ granted: false, retryAfterMs: 200, excess: 0 })
    clock.advance(100)
    expect(grantedOf(1, 'a')).toBe(1)
    clock.advance(100)
    expect(grantedOf(1, 'd')).toBe(1)
    expect(zone.keys).toBe(2)
    expect(limiter.check('a')).toEqual({ granted: true, delayMs: 200, excess: 1 })
  })

  test('never holds more keys than its size, however many come, and shrinks when they have gone', () => {
    const { clock, zone, grantedOf } = start({ rate: 5, size: 1000 })
    let granted = 0
    let most = 0
    for (let i = 0; i < 10_000; i += 1) {
      if (i % 10 === 0) clock.advance(1)
      granted += grantedOf(1, `key ${i}`)
      most = Math.max(most, zone.keys)
    }
    expect(most).toBe(1000)
    // A key is active for 200 ms, so five times the size passes in a second.
    expect(granted).toBeGreaterThan(4500)
    clock.advance(10_000)
    for (let i = 0; i < 1000; i += 1) grantedOf(1, `late ${i % 2}`)
    for (let i = 0; i < 999; i += 1) {
      clock.advance(200)
      grantedOf(1, `later ${i}`)
    }
    expect(zone.keys).toBe(1)
  })

  test('forgets no key that still makes a difference: each has what it would have alone', () => {
    const { clock, limiter } = start({ rate: 5, burst: 3, size: 8 })
    const alone = new Map<string, Limiter>()
    let seed = 7
    const random = (below: number): number => {
      seed = (seed * 1103515245 + 12345) % 2 ** 31
      return seed % below
    }
    let compared = 0
    for (let i = 0; i < 20_000; i += 1) {
      clock.advance(random(120))
      const key = String(random(12))
      const verdict = limiter.check(key)
      if (!verdict.granted && verdict.excess === 0) continue
      const own = alone.get(key) ?? new Limiter({ zone: new Zone({ rate: 5 }, { clock }), burst: 3 })
      alone.set(key, own)
      expect(own.check(key)).toEqual(verdict)
      compared += 1
    }
    expect(compared).toBeGreaterThan(5000)
  })

  test.each([
    [{ zone: { rate: 0 } }, 'rate'],
    [{ zone: { rate: Number.NaN } }, 'rate'],
    [{ zone: { rate: 5, size: 0 } }, 'size'],
    [{ zone: { rate: 5 }, burst: -1 }, 'burst'],
    [{ zone: { rate: 5 }, burst: Number.POSITIVE_INFINITY }, 'burst'],
    [{ zone: { rate: 5 }, delay: 1, nodelay: true }, 'delay'],
  ])('refuses %j and names what is wrong', (options, name) => {
    expect(() => new Limiter(options)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(name) as string }) as Error,
    )
  })

  test.each([
    ['that is empty', ''],
    ['of 257 letters', 'x'.repeat(257)],
    ['of 258 bytes', 'ä'.repeat(129)],
  ])('refuses a key %s', (_, key) => {
    expect(() => start(TALK).limiter.check(key)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }) as Error)
  })
})

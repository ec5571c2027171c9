import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { StaticLimiter, type StaticRequest, type StaticResult } from '../src/limits.ts'
import { evenTimes, randomTimes, type Totals, vectors } from './leaky-vectors.ts'

const ZONES = { login: { size: 1000, rate: 5 } }
const RESOURCES = { '/login': { zone: 'login', burst: 12, delay: 8 } }
const CLOCKS = ['fixed', 'flawed'] as const

function totalsOf(results: readonly StaticResult[]): Totals {
  const granted = results.filter(([, , isGranted]) => isGranted)
  const delays = granted.map(([, , , delay]) => delay)
  const bits = results.map(([, , isGranted]) => (isGranted ? '1' : '0')).join('')
  const refusals = results.flatMap(([, , isGranted], index) => (isGranted ? [] : [index]))
  return {
    requests: results.length,
    granted: granted.length,
    denied: refusals.length,
    max_delay: delays.reduce((most, delay) => Math.max(most, delay), 0),
    delayed: delays.filter((delay) => delay > 0).length,
    max_excess: results.reduce((most, [, , , , excess]) => Math.max(most, excess), 0),
    granted_bits_sha256: createHash('sha256').update(bits).digest('hex'),
    first_refusals: refusals.slice(0, 10),
  }
}

function run(times: readonly number[], clock: 'fixed' | 'flawed', resources = RESOURCES): Totals {
  const limiter = new StaticLimiter(ZONES, resources, { clock })
  return totalsOf(times.map((time) => limiter.getRequestDelay([time, 0, '/login'])))
}

describe('row 22: the static emulator', () => {
  test.each(CLOCKS)('answers the printed requests, and those after them, to the last bit with a %s clock', (clock) => {
    const limiter = new StaticLimiter(ZONES, RESOURCES, { clock })
    for (const { request, expected } of vectors.static_printed.cases) {
      expect(limiter.getRequestDelay(request)).toStrictEqual(expected)
    }
  })

  test('goes on from the printed requests as the original does', () => {
    const limiter = new StaticLimiter(ZONES, RESOURCES, { clock: 'flawed' })
    for (const { request, expected } of [...vectors.static_printed.cases, ...vectors.static_continued.cases]) {
      expect(limiter.getRequestDelay(request)).toStrictEqual(expected)
    }
  })

  test.each(vectors.static_edges.groups)('$name', ({ zones, resources, cases }) => {
    const limiter = new StaticLimiter(zones, resources, { clock: 'flawed' })
    for (const { request, expected } of cases) expect(limiter.getRequestDelay(request)).toStrictEqual(expected)
  })

  test('evenly spaced requests come to the same totals with both clocks', () => {
    for (const set of vectors.static_even_spacing.sets) {
      expect(run(evenTimes(set.intervals), 'flawed')).toEqual(expect.objectContaining(only(set)))
    }
    for (const set of vectors.static_idle_clock_fixed.even_spacing) {
      expect(run(evenTimes(set.intervals), 'fixed')).toEqual(expect.objectContaining(only(set)))
    }
  })

  test.each(vectors.static_portable_random.sets)('$example with seed $seed, flawed clock', (set) => {
    const times = randomTimes(set.example, set.seed)
    expect(times.slice(0, 3)).toEqual(set.first_times)
    expect(run(times, 'flawed', set.resources as typeof RESOURCES)).toEqual(only(set))
  })

  test.each(vectors.static_idle_clock_fixed.portable_random)('$example with seed $seed, fixed clock', (set) => {
    const times = randomTimes(set.example, set.seed)
    expect(run(times, 'fixed', set.resources as typeof RESOURCES)).toEqual(only(set))
  })

  test('banks no idle time, but for the flawed clock', () => {
    const requests: StaticRequest[] = [[0, 0, '/login'], ...Array<StaticRequest>(600).fill([100, 0, '/login'])]
    const granted = CLOCKS.map((clock) => {
      const limiter = new StaticLimiter(ZONES, RESOURCES, { clock })
      return requests.map((request) => limiter.getRequestDelay(request)[2]).slice(1)
    })
    const flaw = vectors.static_known_flaw_idle_credit
    expect(granted.map((all) => all.filter(Boolean).length)).toEqual([
      flaw.a_correct_limiter_would_grant,
      flaw.granted_of_the_600,
    ])
    expect(vectors.static_idle_clock_fixed.granted_of_the_600_after_100_s_idle).toBe(12)
    expect(granted[1]?.indexOf(false)).toBe(flaw.index_of_first_refusal_among_the_600)
  })

  test('refuses zones without a rate, resources without a zone, and requests without a resource', () => {
    const wrong = expect.objectContaining({ code: 'INVALID_ARGUMENT' }) as Error
    expect(() => new StaticLimiter({ z: { size: 1, rate: 0 } }, {})).toThrow(wrong)
    expect(() => new StaticLimiter({}, { '/r': { zone: 'z' } })).toThrow(wrong)
    expect(() => new StaticLimiter(ZONES, RESOURCES).getRequestDelay([0, 0, 'toString'])).toThrow(wrong)
  })
})

/** The totals of a set, without what describes it. */
function only(set: Totals): Totals {
  const { requests, granted, denied, max_delay, delayed, max_excess, granted_bits_sha256, first_refusals } = set
  return { requests, granted, denied, max_delay, delayed, max_excess, granted_bits_sha256, first_refusals }
}

import { readFileSync } from 'node:fs'
import type { StaticRequest, StaticResource, StaticZone } from '../src/limit/static-limiter.ts'

interface StaticCase {
  readonly request: StaticRequest
  readonly expected: readonly unknown[]
}

interface StaticGroup {
  readonly name: string
  readonly zones: Readonly<Record<string, StaticZone>>
  readonly resources: Readonly<Record<string, StaticResource>>
  readonly cases: readonly StaticCase[]
}

/** What a run of thousands of requests came to. */
export interface Totals {
  readonly requests: number
  readonly granted: number
  readonly denied: number
  readonly max_delay: number
  readonly delayed: number
  readonly max_excess: number
  readonly granted_bits_sha256: string
  readonly first_refusals: readonly number[]
}

export type Intervals = readonly (readonly [first: number, last: number, rate: number])[]

export interface EvenSet extends Totals {
  readonly intervals: Intervals
}

export interface RandomSet extends Totals {
  readonly example: string
  readonly seed: number
  readonly resources: Readonly<Record<string, StaticResource>>
}

export interface NginxGroup {
  readonly name: string
  readonly cases: readonly {
    readonly t_ms: number
    readonly granted: boolean
    readonly delay_ms: number | null
    readonly excess_milli: number
  }[]
}

interface PortGroup {
  readonly name: string
  readonly rate: number
  readonly burst: number
  readonly nodelay: boolean
  readonly cases?: readonly { t_ms: number; result: string; delay_ms: number | null }[]
}

interface Vectors {
  readonly static_printed: Omit<StaticGroup, 'name'>
  readonly static_continued: { readonly cases: readonly StaticCase[] }
  readonly static_edges: { readonly groups: readonly StaticGroup[] }
  readonly static_known_flaw_idle_credit: {
    readonly granted_of_the_600: number
    readonly a_correct_limiter_would_grant: number
    readonly index_of_first_refusal_among_the_600: number
  }
  readonly static_even_spacing: { readonly sets: readonly EvenSet[] }
  readonly static_portable_random: {
    readonly request_intervals: Intervals
    readonly sample_population: readonly number[]
    readonly sample_weights: readonly number[]
    readonly sets: readonly (RandomSet & { readonly first_times: readonly number[] })[]
  }
  readonly static_idle_clock_fixed: {
    readonly granted_of_the_600_after_100_s_idle: number
    readonly even_spacing: readonly EvenSet[]
    readonly portable_random: readonly RandomSet[]
  }
  readonly nginx_integer_model: { readonly groups: readonly NginxGroup[] }
  readonly port_2016_handler: { readonly groups: readonly PortGroup[] }
}

const file = new URL('../../../test/fixtures/leaky-bucket.json', import.meta.url)
// The file's shape is what the interfaces above say; a test that reads something else from it fails.
export const vectors = JSON.parse(readFileSync(file, 'utf8')) as Vectors

/** The generator that the file names, so that anybody can draw the same numbers. */
function mulberry32(seed: number): () => number {
  let a = seed
  return () => {
    a = (a + 0x6d2b79f5) | 0
    let t = Math.imul(a ^ (a >>> 15), 1 | a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

export function evenTimes(intervals: Intervals): number[] {
  return intervals.flatMap(([first, last, rate]) =>
    Array.from({ length: (last - first) * rate }, (_, i) => first + Math.floor(i / rate) + (i % rate) / rate),
  )
}

/** Request times of one of the random examples. */
export function randomTimes(example: string, seed: number): number[] {
  const random = mulberry32(seed)
  const { request_intervals, sample_population, sample_weights } = vectors.static_portable_random
  let rates: (readonly [second: number, rate: number])[]
  if (example.startsWith('generate_times')) {
    rates = Array.from({ length: 1000 }, (_, second) => [second, 8] as const)
  } else if (example.startsWith('request_intervals')) {
    rates = request_intervals.flatMap(([first, last, rate]) =>
      Array.from({ length: last - first }, (_, i) => [first + i, rate] as const),
    )
  } else {
    let sum = 0
    const cumulated = sample_weights.map((weight) => (sum += weight))
    rates = Array.from({ length: 6000 }, (_, second) => {
      const drawn = random() * sum
      const index = Math.min(cumulated.filter((weight) => weight <= drawn).length, cumulated.length - 1)
      return [second, sample_population[index] ?? 0] as const
    })
  }
  return rates.flatMap(([second, rate]) => Array.from({ length: rate }, () => second + random()).sort((a, b) => a - b))
}

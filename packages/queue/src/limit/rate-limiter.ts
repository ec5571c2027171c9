import { expected, requireInteger } from '../options.ts'

/** The call may go on, after `delayMs`. */
export interface Granted {
  readonly granted: true
  /** Milliseconds to wait first, so that calls flow at the rate. */
  readonly delayMs: number
  /** Calls above the rate that this key has made, this one included. */
  readonly excess: number
}

/** The call is over the limit; it has left no trace in the limiter. */
export interface Refused {
  readonly granted: false
  /** Milliseconds after which one call would be granted, if no other comes first. */
  readonly retryAfterMs: number
  /** What the excess would have been; 0 when the limiter has no room for another key. */
  readonly excess: number
}

export type Verdict = Granted | Refused

/** What {@link limitCalls} and {@link limitTasks} ask; bring your own if you like. */
export interface RateLimiter {
  /** Calls a second that a key may make in the long run. */
  readonly rate: number
  /** Counts one call of this key, unless it is refused. */
  check(key: string): Verdict | Promise<Verdict>
}

/** A limit as nginx's `limit_req` has it. */
export interface LimitOptions {
  /** Calls above the rate that are not refused. @default 0 */
  readonly burst?: number
  /** Of these the ones that need not wait; the rest is spread over time at the rate. @default 0 */
  readonly delay?: number
  /** None has to wait. Excludes `delay`. @default false */
  readonly nodelay?: boolean
}

/** Keys and their rate, as nginx's `limit_req_zone`. */
export interface ZoneOptions {
  /** Calls a second of one key, from 0.001 to 1 000 000. */
  readonly rate: number
  /**
   * Most keys remembered at a time. Those that make no difference any more are forgotten first; if
   * all do make one, a new key is refused. @default 10 000
   */
  readonly size?: number
}

export type ResolvedLimit = Readonly<Required<LimitOptions>>
export type ResolvedZone = Readonly<Required<ZoneOptions>>

const DEFAULT_SIZE = 10_000
/** The server's bounds too (`tarantella/ability/limit.lua`). */
const MIN_RATE = 0.001
const MAX_RATE = 1_000_000
const MAX_BURST = 1_000_000
const MAX_SIZE = 1_000_000

export function resolveLimit(options: LimitOptions): ResolvedLimit {
  const { burst = 0, delay, nodelay = false } = options
  requireInteger('burst', burst, 0, MAX_BURST)
  requireInteger('delay', delay ?? 0, 0, MAX_BURST)
  if (typeof nodelay !== 'boolean') throw expected('nodelay', 'a boolean', nodelay)
  if (nodelay && delay !== undefined) throw expected('delay', 'left out beside `nodelay`', delay)
  return Object.freeze({ burst, delay: delay ?? 0, nodelay })
}

export function resolveZone({ rate, size = DEFAULT_SIZE }: ZoneOptions): ResolvedZone {
  if (!(typeof rate === 'number' && rate >= MIN_RATE && rate <= MAX_RATE)) {
    throw expected('rate', `a number from ${MIN_RATE} to ${MAX_RATE}`, rate)
  }
  requireInteger('size', size, 1, MAX_SIZE)
  return Object.freeze({ rate, size })
}

/** The server's bound too (`MAX_KEY_BYTES` in `tarantella/const.lua`). */
const MAX_KEY_BYTES = 256

/** A key that grows with what a peer sends would make the bound on keys one on nothing. */
export function requireKey(key: unknown): void {
  if (typeof key === 'string' && key !== '' && Buffer.byteLength(key) <= MAX_KEY_BYTES) return
  throw expected('key', `a string of 1 to ${MAX_KEY_BYTES} bytes`, key)
}

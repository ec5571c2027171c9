import { Joiner } from '../batch/joiner.ts'
import { requireInteger } from '../options.ts'
import type { Caller } from '../ports.ts'
import { limitMany, type WireVerdict } from '../wire/limits.ts'
import {
  type LimitOptions,
  type RateLimiter,
  requireKey,
  resolveLimit,
  resolveZone,
  type Verdict,
  type ZoneOptions,
} from './rate-limiter.ts'

/** Options of a {@link SharedLimiter}. */
export interface SharedLimiterOptions extends ZoneOptions, LimitOptions {
  /** Limiters of one name share their keys' buckets; a string of at most 256 bytes. */
  readonly name: string
  /** Calls that may wait to be sent; one more rejects with `OVERLOADED`. @default 100 000 */
  readonly maxWaiting?: number
}

/** Keys that one request may name at most, as for tasks. */
const MAX_BATCH = 1000
const MAX_BATCH_BYTES = 1024 * 1024
/** Requests on their way; while they are, calls gather into larger ones. */
const MAX_IN_FLIGHT = 4

/**
 * A limit that all processes share, counted by the queue server with nginx's formula and by its clock.
 * The checks of one turn of the event loop travel together. The state is in the server's memory: a
 * restart forgets it, which lets through one burst a key at most.
 */
export class SharedLimiter implements RateLimiter {
  readonly rate: number
  readonly #joiner: Joiner<string, Verdict>

  /** `caller` is a connector's `Client`, of a user with the role producer, consumer or admin. */
  constructor(caller: Caller, options: SharedLimiterOptions) {
    const { name, maxWaiting = 100_000 } = options
    requireKey(name)
    requireInteger('maxWaiting', maxWaiting, 1)
    const limit = { ...resolveZone(options), ...resolveLimit(options) }
    this.rate = limit.rate
    this.#joiner = new Joiner(
      { maxItems: MAX_BATCH, maxBytes: MAX_BATCH_BYTES, maxInFlight: MAX_IN_FLIGHT, maxWaiting },
      async (keys) => (await limitMany(caller, name, keys, limit)).map(toVerdict),
    )
  }

  /** Rejects as the connection's calls do; the call may have been counted all the same, as `sent` says. */
  async check(key: string): Promise<Verdict> {
    requireKey(key)
    return await this.#joiner.add(key, key.length)
  }
}

function toVerdict({ granted, seconds, excess }: WireVerdict): Verdict {
  // The server counts whole milliseconds.
  const ms = Math.round(seconds * 1000)
  return granted ? { granted, delayMs: ms, excess } : { granted, retryAfterMs: ms, excess }
}

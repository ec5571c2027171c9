import {
  type LimitOptions,
  type RateLimiter,
  type ResolvedLimit,
  requireKey,
  resolveLimit,
  type Verdict,
  type ZoneOptions,
} from './rate-limiter.ts'
import { Zone } from './zone.ts'

/** Options of a {@link Limiter}. */
export interface LimiterOptions extends LimitOptions {
  /** A zone that other limits may share, or the options of one of its own. */
  readonly zone: Zone | ZoneOptions
}

/** A limit of this process: nginx's `limit_req`. It owns no timer; nothing has to be closed. */
export class Limiter implements RateLimiter {
  readonly #zone: Zone
  readonly #limit: ResolvedLimit

  constructor({ zone, ...limit }: LimiterOptions) {
    this.#zone = zone instanceof Zone ? zone : new Zone(zone)
    this.#limit = resolveLimit(limit)
  }

  get rate(): number {
    return this.#zone.rate
  }

  check(key: string): Verdict {
    requireKey(key)
    return this.#zone.account(key, this.#limit)
  }
}

import { type Clock, systemClock } from '../ports.ts'
import { type Bucket, IdleHeap } from './idle-heap.ts'
import { type ResolvedLimit, type ResolvedZone, resolveZone, type Verdict, type ZoneOptions } from './rate-limiter.ts'

/** What a test may replace. */
export interface ZoneInternals {
  readonly clock?: Pick<Clock, 'now'>
}

/** Idle keys that go for each new one: more than come, so that a zone shrinks again after a storm. */
const FORGOTTEN_PER_NEW = 2

/**
 * The keys of one rate: nginx's `limit_req_zone`, with its integers, so that equal input gives equal
 * answers. Several limits may share a zone, and then count the same calls; burst and delay are theirs.
 *
 * A key is idle when forgetting it would change no later answer. Idle keys, and only they, make
 * room for new ones. Time before a key's last call earns nothing beyond its burst.
 */
export class Zone {
  readonly #options: ResolvedZone
  readonly #clock: Pick<Clock, 'now'>
  /** Thousandths of a call a second, as nginx counts. */
  readonly #milliRate: number
  readonly #buckets = new Map<string, Bucket>()
  readonly #byIdleTime = new IdleHeap()

  constructor(options: ZoneOptions, { clock = systemClock }: ZoneInternals = {}) {
    this.#options = resolveZone(options)
    this.#milliRate = Math.round(this.#options.rate * 1000)
    this.#clock = clock
  }

  get rate(): number {
    return this.#options.rate
  }

  /** Keys that it remembers now, never more than its `size`. */
  get keys(): number {
    return this.#buckets.size
  }

  /** For limiters; `key` is checked already. */
  account(key: string, limit: ResolvedLimit): Verdict {
    const nowMs = Math.floor(this.#clock.now())
    const bucket = this.#buckets.get(key)
    return bucket === undefined ? this.#begin(key, nowMs) : this.#count(bucket, limit, nowMs)
  }

  /** The first call of a key passes, whatever the burst. */
  #begin(key: string, nowMs: number): Verdict {
    this.#forgetIdle(nowMs)
    if (this.#buckets.size >= this.#options.size) {
      const idleAtMs = this.#byIdleTime.first()?.idleAtMs ?? nowMs
      return { granted: false, retryAfterMs: idleAtMs - nowMs, excess: 0 }
    }
    const idleAtMs = this.#idleTime(nowMs, 0)
    const bucket: Bucket = { key, excess: 0, lastMs: nowMs, idleAtMs, dueMs: idleAtMs }
    this.#buckets.set(key, bucket)
    this.#byIdleTime.push(bucket)
    return { granted: true, delayMs: 0, excess: 0 }
  }

  #count(bucket: Bucket, { burst, delay, nodelay }: ResolvedLimit, nowMs: number): Verdict {
    // A clock that steps back counts as one that stands, as in nginx.
    const elapsedMs = Math.max(0, nowMs - bucket.lastMs)
    const drained = Math.floor((this.#milliRate * elapsedMs) / 1000)
    const excess = Math.max(0, bucket.excess - drained + 1000)
    const over = excess - burst * 1000
    if (over > 0) {
      return { granted: false, retryAfterMs: Math.ceil((over * 1000) / this.#milliRate), excess: excess / 1000 }
    }
    bucket.excess = excess
    bucket.lastMs += elapsedMs
    bucket.idleAtMs = this.#idleTime(bucket.lastMs, excess)
    const ahead = nodelay ? 0 : Math.max(0, excess - delay * 1000)
    return { granted: true, delayMs: Math.floor((ahead * 1000) / this.#milliRate), excess: excess / 1000 }
  }

  /** When a bucket with this excess answers as a new one does: its next call would have none. */
  #idleTime(lastMs: number, excess: number): number {
    return lastMs + Math.ceil(((excess + 1000) * 1000) / this.#milliRate)
  }

  #forgetIdle(nowMs: number): void {
    for (let i = 0; i < FORGOTTEN_PER_NEW; i += 1) {
      const first = this.#byIdleTime.first()
      if (first === undefined || first.idleAtMs > nowMs) return
      this.#byIdleTime.shift()
      this.#buckets.delete(first.key)
    }
  }
}

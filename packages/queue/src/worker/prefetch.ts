/** Work for this long is held ahead: several network round trips, and little beside any sensible ttr. */
const AHEAD_MS = 20

/** Share of the newest measurement in the moving average. */
const WEIGHT = 0.3

/** Completions are counted over at least this long, so that a burst is not taken for a rate. */
const WINDOW_MS = 5

/**
 * How many tasks to hold beyond those being worked on: what the handlers have lately finished in
 * 20 ms. Slow handlers hold nothing ahead, for a waiting task's ttr runs; fast ones never wait
 * for the network.
 */
export class Prefetch {
  readonly #max: number
  #perMs = 0
  #count = 0
  #since: number

  constructor(max: number, now: number) {
    this.#max = max
    this.#since = now
  }

  /** A handler has finished. */
  completed(now: number): void {
    this.#count += 1
    const elapsed = now - this.#since
    if (elapsed < WINDOW_MS) return
    this.#perMs += WEIGHT * (this.#count / elapsed - this.#perMs)
    this.#count = 0
    this.#since = now
  }

  /** Tasks to hold ahead now. */
  get size(): number {
    return Math.min(this.#max, Math.floor(this.#perMs * AHEAD_MS))
  }
}

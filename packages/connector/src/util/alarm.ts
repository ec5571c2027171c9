/** Node fires a timer at once if its delay does not fit into 31 bits; a longer wait is made of several. */
const LONGEST_DELAY_MS = 0x7fff_ffff

/**
 * One timer for many deadlines: it rings at the earliest that it was told of. Whoever owns the deadlines
 * looks at all of them then and tells the next one. It does not hold the process.
 *
 * So a request costs no timer of its own: with replies within milliseconds and a deadline of 30 s, the timer
 * is set about once per 30 s however many requests pass.
 */
export class Alarm {
  readonly #ring: (nowMs: number) => number
  #timer: NodeJS.Timeout | undefined
  #late: NodeJS.Immediate | undefined
  #at = Number.POSITIVE_INFINITY

  /** `ring` gets the time and returns the next deadline, or Infinity for none. */
  constructor(ring: (nowMs: number) => number) {
    this.#ring = ring
  }

  /** Sees to it that the bell rings at `atMs` (of `performance.now()`) or before. */
  arm(atMs: number): void {
    if (atMs >= this.#at) return
    this.disarm()
    this.#at = atMs
    const delay = Math.min(Math.ceil(atMs - performance.now()), LONGEST_DELAY_MS)
    this.#timer = setTimeout(() => this.#onTimer(), Math.max(delay, 1)).unref()
  }

  disarm(): void {
    clearTimeout(this.#timer)
    clearImmediate(this.#late)
    this.#timer = undefined
    this.#late = undefined
    this.#at = Number.POSITIVE_INFINITY
  }

  /**
   * After a blocked event loop replies may wait in the socket: they are read first, so that none counts as late
   * for it. The immediate is not unref'd, for the loop would not run it before the next event from outside.
   */
  #onTimer(): void {
    this.#late = setImmediate(() => {
      this.disarm()
      const next = this.#ring(performance.now())
      if (next !== Number.POSITIVE_INFINITY) this.arm(next)
    })
  }
}

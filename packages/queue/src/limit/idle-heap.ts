/** A key's bucket in a zone. */
export interface Bucket {
  readonly key: string
  /** Thousandths of a call above the rate, at `lastMs`. */
  excess: number
  /** When it was last granted a call. */
  lastMs: number
  /** From then on it answers as a new one would. Only grows. */
  idleAtMs: number
  /** The idle time by which it stands in the heap; written by the heap alone. */
  dueMs: number
}

/**
 * Buckets by the time from which they are idle, the first on top.
 *
 *         top            children of n: 2n+1 and 2n+2; a child's `dueMs` is not below its parent's.
 *        /   \           A bucket that is used again stays where it is: `dueMs` lags behind
 *      …       …         `idleAtMs` until it comes to the top, so that a call costs nothing here.
 */
export class IdleHeap {
  readonly #buckets: Bucket[] = []

  get size(): number {
    return this.#buckets.length
  }

  push(bucket: Bucket): void {
    bucket.dueMs = bucket.idleAtMs
    let at = this.#buckets.length
    while (at > 0) {
      const up = (at - 1) >> 1
      const parent = this.#buckets[up]
      if (parent === undefined || parent.dueMs <= bucket.dueMs) break
      this.#buckets[at] = parent
      at = up
    }
    this.#buckets[at] = bucket
  }

  /** The bucket that is idle first. */
  first(): Bucket | undefined {
    for (;;) {
      const top = this.#buckets[0]
      if (top === undefined || top.dueMs >= top.idleAtMs) return top
      top.dueMs = top.idleAtMs
      this.#sink(top)
    }
  }

  /** Takes the first out. */
  shift(): Bucket | undefined {
    const first = this.first()
    const last = this.#buckets.pop()
    if (last !== undefined && last !== first) this.#sink(last)
    return first
  }

  /** Puts a bucket in the root's place, and down from there to where it belongs. */
  #sink(bucket: Bucket): void {
    let at = 0
    for (;;) {
      const left = this.#buckets[2 * at + 1]
      const right = this.#buckets[2 * at + 2]
      if (left === undefined) break
      const isRight = right !== undefined && right.dueMs < left.dueMs
      const child = isRight ? right : left
      if (bucket.dueMs <= child.dueMs) break
      this.#buckets[at] = child
      at = 2 * at + (isRight ? 2 : 1)
    }
    this.#buckets[at] = bucket
  }
}

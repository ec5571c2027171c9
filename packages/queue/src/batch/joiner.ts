import { QueueError } from '../errors.ts'

/** One call that waits to travel with others. */
interface Entry<Item, Result> {
  readonly item: Item
  readonly size: number
  /** Its place among the calls that share the two functions below. */
  readonly at: number
  readonly resolve: (result: Result, at: number) => void
  readonly reject: (error: unknown, at: number) => void
}

/** An item of {@link Joiner.addAll}, and its length in bytes. */
export interface Sized<Item> {
  readonly value: Item
  readonly size: number
}

/** What became of the items of {@link Joiner.addAll}: by index a result, or an error. */
export interface Outcomes<Result> {
  readonly results: Result[]
  readonly errors: ReadonlyMap<number, unknown>
}

export interface JoinerLimits {
  /** Calls that travel together at most. */
  readonly maxItems: number
  /** Bytes that travel together at most; a single larger call travels alone. */
  readonly maxBytes: number
  /** Batches on their way at most: while so many are, calls gather into larger batches. */
  readonly maxInFlight: number
  /** Calls that may wait here; one more is refused. */
  readonly maxWaiting: number
}

/**
 * Joins the calls of one turn of the event loop into one request, and hands each its own result.
 *
 *   add() → | waiting (bounded) | → send() → | in flight (bounded) | → settle each
 *
 * A batch leaves in the turn's check phase (setImmediate): by then every handler that the turn's
 * replies woke has run, however many microtasks it took, and nothing has waited for a clock. (All batches of a turn in
 * one write instead of one write each took less of the server and gave a tenth fewer cycles a second: client and server
 * then work in turns.)
 */
export class Joiner<Item, Result> {
  readonly #limits: JoinerLimits
  readonly #send: (items: Item[]) => Promise<readonly (Result | QueueError)[]>
  #waiting: Entry<Item, Result>[] = []
  #head = 0
  #inFlight = 0
  #isScheduled = false
  #idleWaiters: (() => void)[] = []

  /** `send` answers with one result per item, in order; what it rejects with rejects every item. */
  constructor(limits: JoinerLimits, send: (items: Item[]) => Promise<readonly (Result | QueueError)[]>) {
    this.#limits = limits
    this.#send = send
  }

  /** Calls that wait to be sent. */
  get waiting(): number {
    return this.#waiting.length - this.#head
  }

  /** `size` is the item's length in bytes. */
  add(item: Item, size: number): Promise<Result> {
    if (this.#isFull()) return Promise.reject(this.#overloaded())
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, size, at: 0, resolve, reject })
      this.#schedule()
    })
  }

  /**
   * Many calls, and one promise for all: those of its own that each item would have are half of what a client
   * spends on a batch. Never rejects.
   */
  addAll(items: readonly Sized<Item>[]): Promise<Outcomes<Result>> {
    return new Promise((settle) => {
      const results = new Array<Result>(items.length)
      const errors = new Map<number, unknown>()
      let left = items.length
      const done = (): void => {
        left -= 1
        if (left === 0) settle({ results, errors })
      }
      const resolve = (result: Result, at: number): void => {
        results[at] = result
        done()
      }
      const reject = (error: unknown, at: number): void => {
        errors.set(at, error)
        done()
      }
      if (left === 0) settle({ results, errors })
      for (let at = 0; at < items.length; at += 1) {
        const entry = items[at]
        if (entry === undefined) continue
        if (this.#isFull()) reject(this.#overloaded(), at)
        else this.#waiting.push({ item: entry.value, size: entry.size, at, resolve, reject })
      }
      if (this.waiting > 0) this.#schedule()
    })
  }

  /** Resolves when nothing waits and nothing is on its way. */
  onIdle(): Promise<void> {
    if (this.#isIdle()) return Promise.resolve()
    return new Promise((resolve) => {
      this.#idleWaiters.push(resolve)
    })
  }

  #isFull(): boolean {
    return this.waiting >= this.#limits.maxWaiting
  }

  #overloaded(): QueueError {
    const text = `${this.waiting} calls wait to be sent already: await some of them before making more, or raise \`maxWaiting\``
    return new QueueError('OVERLOADED', text, { retryable: true })
  }

  #isIdle(): boolean {
    return this.waiting === 0 && this.#inFlight === 0
  }

  #schedule(): void {
    if (this.#isScheduled || this.#inFlight >= this.#limits.maxInFlight) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      this.#flush()
    })
  }

  #flush(): void {
    while (this.waiting > 0 && this.#inFlight < this.#limits.maxInFlight) {
      this.#inFlight += 1
      void this.#sendBatch(this.#nextBatch())
    }
  }

  /** Takes the oldest calls, as many as the limits allow and at least one. */
  #nextBatch(): Entry<Item, Result>[] {
    const { maxItems, maxBytes } = this.#limits
    const start = this.#head
    let bytes = 0
    let end = start
    for (; end < this.#waiting.length && end - start < maxItems; end += 1) {
      bytes += this.#waiting[end]?.size ?? 0
      if (bytes > maxBytes && end > start) break
    }
    const batch = this.#waiting.slice(start, end)
    this.#head = end
    if (end === this.#waiting.length) {
      this.#waiting = []
      this.#head = 0
    } else if (end > 4 * maxItems) {
      // Drops what has left, rarely enough that the cost per call stays constant.
      this.#waiting = this.#waiting.slice(end)
      this.#head = 0
    }
    return batch
  }

  /** Never rejects: every outcome goes to the entries. */
  async #sendBatch(batch: Entry<Item, Result>[]): Promise<void> {
    try {
      const results = await this.#send(batch.map((entry) => entry.item))
      for (let i = 0; i < batch.length; i += 1) settleEntry(batch[i], results[i], i, batch.length)
    } catch (error) {
      for (const { reject, at } of batch) reject(error, at)
    } finally {
      this.#inFlight -= 1
      if (this.waiting > 0) this.#schedule()
      else if (this.#isIdle()) for (const wake of this.#idleWaiters.splice(0)) wake()
    }
  }
}

function settleEntry<Item, Result>(
  entry: Entry<Item, Result> | undefined,
  result: Result | QueueError | undefined,
  i: number,
  count: number,
): void {
  if (entry === undefined) return
  if (result instanceof QueueError) entry.reject(result, entry.at)
  else if (result !== undefined) entry.resolve(result, entry.at)
  else {
    const text = `The answer lacks item ${i} of ${count}`
    entry.reject(new QueueError('UNEXPECTED_REPLY', text, { sent: true }), entry.at)
  }
}

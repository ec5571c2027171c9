import type { Clock } from '../ports.ts'

/** Node's timers take 32 bits of milliseconds and fire at once for more; a longer wait is made of several. */
const LONGEST_SLEEP_MS = 24 * 60 * 60 * 1000

/**
 * Calls `onDue` with each item that has been here for `ms` milliseconds. One time for all items,
 * so the one that came first is due first, and one timer does for any number of them:
 *
 *   add → | due in 1 s | due in 2 s | due in 2.5 s | → onDue
 *           ^ the timer
 */
export class Countdown<Item> {
  readonly #ms: number
  readonly #clock: Clock
  readonly #onDue: (item: Item) => void
  readonly #stopped = new AbortController()
  /** Item → when it is due, on the clock. In order of both. */
  readonly #due = new Map<Item, number>()
  #isRunning = false

  constructor(ms: number, clock: Clock, onDue: (item: Item) => void) {
    this.#ms = ms
    this.#clock = clock
    this.#onDue = onDue
  }

  /** Starts the item's time, again if it is here. */
  add(item: Item): void {
    if (this.#stopped.signal.aborted) return
    this.#due.delete(item)
    this.#due.set(item, this.#clock.now() + this.#ms)
    if (!this.#isRunning) void this.#run()
  }

  delete(item: Item): void {
    this.#due.delete(item)
  }

  /** Forgets all items and the timer, for good. */
  stop(): void {
    this.#due.clear()
    this.#stopped.abort()
  }

  /** Runs while there are items. Never rejects, unless `onDue` throws. */
  async #run(): Promise<void> {
    this.#isRunning = true
    for (;;) {
      const head = this.#due.entries().next().value
      if (head === undefined) break
      const [item, due] = head
      const left = due - this.#clock.now()
      if (left > 0) {
        await this.#clock.sleep(Math.min(left, LONGEST_SLEEP_MS), this.#stopped.signal)
        continue
      }
      this.#due.delete(item)
      this.#onDue(item)
    }
    this.#isRunning = false
  }
}

import PQueue from 'p-queue'

export interface LanesOptions<Item> {
  readonly concurrency: number
  /** The item that has waited longest, which is the caller's from then on; `undefined` if none waits. */
  readonly next: () => Item | undefined
  /** Never rejects. */
  readonly run: (item: Item) => Promise<void>
}

/**
 * Runs items in up to `concurrency` lanes. A lane is one job of p-queue that runs an item after the other, and rests
 * while none waits: a job of each item would cost a fifth of all that a task costs its worker.
 *
 *   fill → a lane that rests, else a new one → run → next item? ─yes─> run
 *                        ^                                └─no─> rests
 */
export class Lanes<Item> {
  readonly #options: LanesOptions<Item>
  readonly #jobs: PQueue
  /** Each is handed the item it goes on with, or none to end. */
  readonly #resting: ((item: Item | undefined) => void)[] = []
  #isStopped = false

  constructor(options: LanesOptions<Item>) {
    this.#options = options
    this.#jobs = new PQueue({ concurrency: options.concurrency })
  }

  /** Items that run now. */
  get running(): number {
    return this.#jobs.pending - this.#resting.length
  }

  /** Starts what waits, as far as there are lanes. Whatever waits beyond stays with the caller. */
  fill(): void {
    while (this.running < this.#options.concurrency) {
      const item = this.#options.next()
      if (item === undefined) return
      const wake = this.#resting.pop()
      if (wake !== undefined) wake(item)
      else void this.#jobs.add(() => this.#runLane(item))
    }
  }

  /** Ends the lanes, those that run when their item ends. */
  stop(): void {
    this.#isStopped = true
    for (const end of this.#resting.splice(0)) end(undefined)
  }

  async #runLane(first: Item): Promise<void> {
    const { next, run } = this.#options
    for (let item: Item | undefined = first; item !== undefined; item = next() ?? (await this.#rest())) await run(item)
  }

  #rest(): Promise<Item | undefined> {
    if (this.#isStopped) return Promise.resolve(undefined)
    return new Promise((resolve) => {
      this.#resting.push(resolve)
    })
  }
}

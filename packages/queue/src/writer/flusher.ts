import type { Clock } from '../ports.ts'
import type { Task } from '../task.ts'
import { Countdown } from '../worker/countdown.ts'
import type { HandlerContext } from '../worker/options.ts'
import type { WorkerHooks } from '../worker/worker.ts'
import type { ResolvedWriterOptions, StoreFunction } from './options.ts'
import { Sieve } from './sieve.ts'

/** A record that is held: its worker waits for one of the two. */
interface Entry<T> {
  readonly task: Task<T>
  readonly context: HandlerContext
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
  /** It has waited long enough: the call of the store need not be full. */
  isOld: boolean
}

/** Who hears of what the store does. */
export interface FlusherEvents<T> {
  readonly stored: (tasks: readonly Task<T>[]) => void
  /** The store, or the probe, has failed; `failures` in a row. */
  readonly outage: (error: unknown, failures: number) => void
  readonly recovered: () => void
}

/**
 * Gathers the tasks of a worker, and calls the store for them, one call at a time. Each task's own
 * handler run is the wait for its call, so leases, acks, releases and close are those of any worker.
 */
export class Flusher<T> implements WorkerHooks {
  /** Resolves when the store is known to work, or nothing will be taken any more. */
  readonly begins: Promise<unknown>
  readonly #store: StoreFunction<T>
  readonly #options: ResolvedWriterOptions
  readonly #clock: Clock
  readonly #events: FlusherEvents<T>
  readonly #sieve: Sieve<Entry<T>>
  readonly #ages: Countdown<Entry<T>>
  /** Aborts when close() has waited its grace time. */
  readonly #abort = new AbortController()
  /** Aborts when nothing more is taken for good or for a while. */
  readonly #begun = new AbortController()
  #isFlushing = false
  /** Ends the pause after the failure of a lone record: those that are due need not wait for it. */
  #pause: AbortController | undefined

  constructor(store: StoreFunction<T>, options: ResolvedWriterOptions, clock: Clock, events: FlusherEvents<T>) {
    this.#store = store
    this.#options = options
    this.#clock = clock
    this.#events = events
    this.#sieve = new Sieve(options.maxSize, options.tries)
    this.#ages = new Countdown(options.maxAgeMs, clock, (entry) => {
      entry.isOld = true
      this.#wake()
    })
    this.begins = this.#untilReady(this.#begun.signal)
  }

  /** Records that are held. */
  get size(): number {
    return this.#sieve.size
  }

  /** Settles as the record does. */
  join(task: Task<T>, context: HandlerContext): Promise<void> {
    return new Promise((resolve, reject) => {
      const entry: Entry<T> = { task, context, resolve, reject, isOld: false }
      this.#sieve.add(entry, context.attempt > 1)
      this.#ages.add(entry)
      this.#wake()
    })
  }

  /** No others will come to fill a call. */
  stopsTaking(): void {
    this.#begun.abort()
    for (const entry of this.#sieve.entries()) entry.isOld = true
    this.#wake()
  }

  aborts(reason: unknown): void {
    this.#abort.abort(reason)
    // Those that are being written stay until the store has answered.
    if (!this.#isFlushing) this.#rejectAll(reason)
  }

  ends(): void {
    this.#ages.stop()
    this.#begun.abort()
    this.#abort.abort()
  }

  #wake(): void {
    if (this.#isFlushing) {
      if (this.#isTime()) this.#pause?.abort()
    } else if (this.#isDue()) void this.#flush()
  }

  #isDue(): boolean {
    return this.#sieve.hasFailed || this.#isTime()
  }

  #isTime(): boolean {
    return this.#sieve.isFull || this.#sieve.oldest?.isOld === true
  }

  /** Never rejects. */
  async #flush(): Promise<void> {
    this.#isFlushing = true
    while (this.#isDue() && !this.#abort.signal.aborted) {
      this.#dropLost()
      const piece = this.#sieve.next()
      if (piece.length > 0) await this.#write(piece)
    }
    this.#isFlushing = false
    if (this.#abort.signal.aborted) this.#rejectAll(this.#abort.signal.reason)
  }

  async #write(piece: readonly Entry<T>[]): Promise<void> {
    for (const entry of piece) this.#ages.delete(entry)
    const tasks = piece.map(({ task }) => task)
    try {
      await this.#store(
        tasks.map(({ data }) => data),
        { tasks, signal: this.#abort.signal },
      )
    } catch (error) {
      await this.#onFailure(piece, error)
      return
    }
    const hasFailed = this.#sieve.failures > 0
    this.#sieve.succeeded(piece)
    for (const entry of piece) entry.resolve()
    this.#events.stored(tasks)
    if (hasFailed) this.#events.recovered()
  }

  async #onFailure(piece: readonly Entry<T>[], error: unknown): Promise<void> {
    const { isOutage } = this.#options
    if (isOutage(error)) this.#sieve.outage()
    else this.#sieve.failed(piece)?.reject(error)
    this.#events.outage(error, this.#sieve.failures)
    await this.#rest(piece.length === 1 && !this.#isTime())
    if (await this.#untilReady(this.#abort.signal)) this.#sieve.proved()
  }

  async #rest(isLone: boolean): Promise<void> {
    const pause = new AbortController()
    this.#pause = isLone ? pause : undefined
    const signal = AbortSignal.any([pause.signal, this.#abort.signal])
    await this.#clock.sleep(this.#delay(this.#sieve.failures), signal)
    this.#pause = undefined
  }

  /** Asks the probe until it says yes, or the signal aborts; resolves with whether there is one and it said yes. */
  async #untilReady(signal: AbortSignal): Promise<boolean> {
    const { ready } = this.#options
    if (ready === undefined) return false
    for (let failures = 1; !isAborted(signal); failures += 1) {
      try {
        await ready(signal)
        return true
      } catch (error) {
        if (!isAborted(signal)) this.#events.outage(error, failures)
        await this.#clock.sleep(this.#delay(failures), signal)
      }
    }
    return false
  }

  #delay(failures: number): number {
    const { minDelayMs, maxDelayMs } = this.#options
    return Math.min(minDelayMs * 2 ** (failures - 1), maxDelayMs)
  }

  /** They are another's by now. */
  #dropLost(): void {
    for (const entry of this.#sieve.entries()) {
      if (!entry.context.isAborted) continue
      this.#sieve.delete(entry)
      this.#ages.delete(entry)
      entry.reject(entry.context.signal.reason)
    }
  }

  #rejectAll(reason: unknown): void {
    for (const entry of this.#sieve.entries()) {
      this.#sieve.delete(entry)
      entry.reject(reason)
    }
  }
}

/** A signal may abort during any await. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted
}

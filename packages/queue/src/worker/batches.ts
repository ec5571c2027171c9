import { QueueError } from '../errors.ts'
import { requireInteger } from '../options.ts'
import type { Clock } from '../ports.ts'
import type { Task } from '../task.ts'
import { Batch, type BatchContext, type BatchEntry } from './batch.ts'
import { Countdown } from './countdown.ts'
import type { WorkerHome } from './home.ts'
import { type HandlerContext, MAX_CONCURRENCY, type WorkerOptions } from './options.ts'
import { ABORT_GRACE_MS } from './watch.ts'
import { Worker, type WorkerContext, type WorkerHooks } from './worker.ts'

/**
 * Does the work of many tasks. When it resolves they are acked, when it throws they are retried, but
 * for those that it has settled itself or named by {@link BatchContext.fail}.
 */
export type BatchHandler<T> = (tasks: readonly Task<T>[], context: BatchContext<T>) => unknown

export interface BatchOptions extends WorkerOptions {
  /** Tasks of one batch at most. @default 100 */
  readonly size?: number
  /** Milliseconds that the oldest task of a batch that is not full may wait for others. @default 100 */
  readonly maxAgeMs?: number
  /** Batches that run at the same time at most. @default 1 */
  readonly concurrency?: number
  /** Tasks held beyond those of the batches that may run. @default 'auto' */
  readonly prefetch?: number | 'auto'
  /** Milliseconds a batch may take from its start; then its signal aborts and its tasks count as failed. @default no limit */
  readonly timeoutMs?: number
}

interface ResolvedBatchOptions {
  readonly size: number
  readonly maxAgeMs: number
  readonly concurrency: number
  readonly timeoutMs: number | undefined
}

/** Starts a worker that hands its tasks to the handler in batches; see {@link Batches}. */
export function startBatchWorker<T>(
  home: WorkerHome,
  handler: BatchHandler<T>,
  options: BatchOptions,
  context: WorkerContext,
): Worker<T> {
  if (typeof handler !== 'function') throw new TypeError(`Expected \`handler\` to be a function, got ${typeof handler}`)
  const { size = 100, maxAgeMs = 100, concurrency = 1, timeoutMs, ...rest } = options
  requireInteger('size', size, 1, MAX_CONCURRENCY)
  requireInteger('maxAgeMs', maxAgeMs, 0)
  requireInteger('concurrency', concurrency, 1, Math.floor(MAX_CONCURRENCY / size))
  if (timeoutMs !== undefined) requireInteger('timeoutMs', timeoutMs, 1)
  const batches = new Batches<T>(handler, { size, maxAgeMs, concurrency, timeoutMs }, context.clock)
  const join = (task: Task<T>, run: HandlerContext): Promise<void> => batches.join(task, run)
  return new Worker<T>(home, join, { ...rest, concurrency: size * concurrency }, context, batches)
}

/**
 * Gathers the tasks of a worker into batches. Each task's own handler run is the wait for its batch,
 * so leases, retries and outcomes are those of any worker.
 *
 *   join → | waiting | ──size reached, the oldest is maxAgeMs old, or no more come──> handler(tasks)
 */
class Batches<T> implements WorkerHooks {
  readonly #handler: BatchHandler<T>
  readonly #options: ResolvedBatchOptions
  /** In order of arrival; bounded by the worker's concurrency. */
  readonly #waiting = new Set<BatchEntry<T>>()
  readonly #running = new Set<Batch<T>>()
  readonly #ages: Countdown<BatchEntry<T>>
  readonly #timeouts: Countdown<Batch<T>> | undefined
  readonly #graces: Countdown<Batch<T>> | undefined

  constructor(handler: BatchHandler<T>, options: ResolvedBatchOptions, clock: Clock) {
    const { maxAgeMs, timeoutMs } = options
    this.#handler = handler
    this.#options = options
    this.#ages = new Countdown(maxAgeMs, clock, (entry) => {
      entry.isOld = true
      this.#start()
    })
    if (timeoutMs === undefined) return
    // A handler that goes on loses its tasks, and keeps its place until it ends.
    this.#graces = new Countdown(ABORT_GRACE_MS, clock, (batch) => {
      batch.failAll(batch.reason)
    })
    this.#timeouts = new Countdown(timeoutMs, clock, (batch) => {
      batch.abort(new QueueError('HANDLER_TIMEOUT', `The batch handler did not end within ${timeoutMs} ms`))
      this.#graces?.add(batch)
    })
  }

  /** Settles as the task's part of its batch does. */
  join(task: Task<T>, context: HandlerContext): Promise<void> {
    return new Promise((resolve, reject) => {
      const entry: BatchEntry<T> = { task, context, resolve, reject, isOld: false }
      this.#waiting.add(entry)
      this.#ages.add(entry)
      this.#start()
    })
  }

  /** No others will come to fill a batch. */
  stopsTaking(): void {
    for (const entry of this.#waiting) entry.isOld = true
    this.#start()
  }

  aborts(reason: QueueError): void {
    for (const entry of this.#waiting) entry.reject(reason)
    this.#waiting.clear()
    for (const batch of this.#running) batch.abort(reason)
  }

  ends(): void {
    for (const countdown of [this.#ages, this.#timeouts, this.#graces]) countdown?.stop()
  }

  #start(): void {
    while (this.#running.size < this.#options.concurrency && this.#isDue()) {
      const entries: BatchEntry<T>[] = []
      for (const entry of this.#waiting) {
        if (entries.length === this.#options.size) break
        this.#waiting.delete(entry)
        this.#ages.delete(entry)
        // Another's by now.
        if (entry.context.isAborted) entry.reject(entry.context.signal.reason)
        else entries.push(entry)
      }
      if (entries.length > 0) void this.#run(new Batch(entries))
    }
  }

  #isDue(): boolean {
    const oldest = this.#waiting.values().next().value
    return oldest !== undefined && (oldest.isOld || this.#waiting.size >= this.#options.size)
  }

  /** Never rejects: the outcome goes to the tasks. */
  async #run(batch: Batch<T>): Promise<void> {
    this.#running.add(batch)
    this.#timeouts?.add(batch)
    try {
      await this.#handler(batch.tasks, batch)
      if (batch.isTimedOut) batch.failAll(batch.reason)
      else batch.succeed()
    } catch (error) {
      batch.failAll(batch.isTimedOut ? batch.reason : error)
    }
    this.#running.delete(batch)
    this.#timeouts?.delete(batch)
    this.#graces?.delete(batch)
    this.#start()
  }
}

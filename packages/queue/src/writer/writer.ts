import { EventEmitter } from 'node:events'
import { emit } from '../emit.ts'
import type { Task } from '../task.ts'
import type { Tube } from '../tube.ts'
import type { CloseOptions } from '../worker/shutdown.ts'
import { Worker } from '../worker/worker.ts'
import { Flusher } from './flusher.ts'
import { type BatchWriterOptions, resolveWriterOptions, type StoreFunction } from './options.ts'

/** For observers; those of the single tasks are with {@link BatchWriter.worker}. */
export interface BatchWriterEvents<T> {
  /** The store has taken these; their acks are on the way. */
  stored: [tasks: readonly Task<T>[]]
  /** A call of the store, or of `ready`, has failed; it is tried again. `failures` in a row. */
  outage: [error: unknown, failures: number]
  /** The first call of the store that succeeded after an outage. */
  recovered: []
}

/**
 * Writes the tasks of a tube into a store, in batches: by size at once, by the age of the oldest, and on
 * close. A task is acked after the store has taken it. While the store is down its batch is kept, the
 * leases are prolonged, and no more than `maxBuffered` is taken. A record that the store refuses is
 * found by splitting, and leaves alone: it is retried by `retry`, and buried after its last try.
 */
export function batchWriter<T>(
  tube: Tube<T>,
  store: StoreFunction<T>,
  options: BatchWriterOptions = {},
): BatchWriter<T> {
  return new BatchWriter(tube, store, options)
}

/** See {@link batchWriter}. */
export class BatchWriter<T = unknown> extends EventEmitter<BatchWriterEvents<T>> {
  /** What takes, prolongs, acks and buries: for its events, and to pause. */
  readonly worker: Worker<T>
  readonly #flusher: Flusher<T>

  /** Use {@link batchWriter}. */
  constructor(tube: Tube<T>, store: StoreFunction<T>, options: BatchWriterOptions) {
    super()
    if (typeof store !== 'function') throw new TypeError(`Expected \`store\` to be a function, got ${typeof store}`)
    const resolved = resolveWriterOptions(options)
    const { ttr, heartbeat, stalledAfterMs, retry } = options
    const workerOptions = {
      concurrency: resolved.maxBuffered,
      prefetch: 0,
      ...(ttr === undefined ? {} : { ttr }),
      ...(heartbeat === undefined ? {} : { heartbeat }),
      ...(stalledAfterMs === undefined ? {} : { stalledAfterMs }),
      ...(retry === undefined ? {} : { retry }),
    }
    const { flusher, worker } = tube.startWith(workerOptions, (given, context) => {
      const flusher = new Flusher(store, resolved, context.clock, {
        stored: (tasks) => emit(this, 'stored', tasks),
        outage: (error, failures) => emit(this, 'outage', error, failures),
        recovered: () => emit(this, 'recovered'),
      })
      return { flusher, worker: new Worker<T>(tube, (task, run) => flusher.join(task, run), given, context, flusher) }
    })
    this.#flusher = flusher
    this.worker = worker
  }

  /** Records that are held and not confirmed by the store. */
  get buffered(): number {
    return this.#flusher.size
  }

  /** As {@link Worker.finished}. */
  get finished(): Promise<void> {
    return this.worker.finished
  }

  /**
   * Takes nothing more, writes what is held, for up to `graceMs` (default 30 000) if the store fails, and gives
   * back the rest. A second call joins the first.
   */
  close(options?: CloseOptions): Promise<void> {
    return this.worker.close(options)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

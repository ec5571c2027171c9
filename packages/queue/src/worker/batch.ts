import type { Task } from '../task.ts'
import { Abortable } from './abortable.ts'
import type { HandlerContext } from './options.ts'

/** What a batch handler gets beside its tasks. */
export interface BatchContext<T> {
  /**
   * Aborts when the handler should stop: `HANDLER_TIMEOUT` after `timeoutMs`, `QUEUE_CLOSED` when
   * close() has waited its grace time. A lease that one task loses does not abort the others: its ack
   * is refused, and the worker emits `lost`.
   */
  readonly signal: AbortSignal
  /** Whether {@link signal} has aborted. */
  readonly isAborted: boolean
  /** 1 for the first try of this task in this worker. */
  readonly attempt: (task: Task<T>) => number
  /** This task has failed: it is retried or buried, whatever becomes of the others. */
  readonly fail: (task: Task<T>, error: unknown) => void
}

/** One task of a batch: its worker waits for one of the two. */
export interface BatchEntry<T> {
  readonly task: Task<T>
  readonly context: HandlerContext
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
  /** It has waited long enough: its batch need not be full. */
  isOld: boolean
}

/** Tasks that are with the batch handler. */
export class Batch<T> extends Abortable implements BatchContext<T> {
  // Handlers take these out of their context: `{ attempt, fail }`.
  readonly attempt = (task: Task<T>): number => this.#entries.get(task)?.context.attempt ?? 1
  readonly fail = (task: Task<T>, error: unknown): void => {
    this.#entries.get(task)?.reject(error)
  }
  readonly #entries: ReadonlyMap<Task<T>, BatchEntry<T>>

  constructor(entries: readonly BatchEntry<T>[]) {
    super()
    this.#entries = new Map(entries.map((entry) => [entry.task, entry]))
  }

  get tasks(): Task<T>[] {
    return [...this.#entries.keys()]
  }

  /** The handler has returned: what did not fail is done. */
  succeed(): void {
    for (const entry of this.#entries.values()) entry.resolve()
  }

  /** What has not failed by itself fails with the handler. */
  failAll(error: unknown): void {
    for (const entry of this.#entries.values()) entry.reject(error)
  }
}

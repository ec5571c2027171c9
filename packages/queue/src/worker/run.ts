import type { Task } from '../task.ts'
import type { HandlerContext } from './options.ts'

/**
 * One delivery on its way through the worker:
 *
 *   waiting ──handler starts──> running ──handler ends, or is given up──> settling ──confirmed──> over
 *      └──lease lost, given back──> over
 *
 * It is also what its handler gets as context.
 */
export class Run<T> implements HandlerContext {
  readonly task: Task<T>
  readonly token: number
  attempt = 1
  /** When its handler started, on the worker's clock, ms. */
  startedAt = 0
  /** Its outcome was decided before its handler ended; the slot is occupied until both are over. */
  isGivenUp = false
  isOver = false
  #controller: AbortController | undefined
  /** `undefined` for one that is not aborted. */
  #reason: unknown

  constructor(task: Task<T>, token: number) {
    this.task = task
    this.token = token
  }

  /** Made when it is asked for: most handlers are done before an AbortController would be. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.isAborted) this.#controller.abort(this.#reason)
    }
    return this.#controller.signal
  }

  get isAborted(): boolean {
    return this.#reason !== undefined
  }

  /** Why, if it was aborted. */
  get reason(): unknown {
    return this.#reason
  }

  /** The first reason stays. */
  abort(reason: Error): void {
    if (this.isAborted) return
    this.#reason = reason
    this.#controller?.abort(reason)
  }
}

import { QueueError } from '../errors.ts'

/**
 * Something with a signal that is made when it is asked for: most handlers end before they would
 * have looked at it.
 */
export class Abortable {
  #controller: AbortController | undefined
  /** `undefined` until abort(). */
  #reason: Error | undefined

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#reason !== undefined) this.#controller.abort(this.#reason)
    }
    return this.#controller.signal
  }

  get isAborted(): boolean {
    return this.#reason !== undefined
  }

  /** Why, if it was aborted. */
  get reason(): Error | undefined {
    return this.#reason
  }

  get isTimedOut(): boolean {
    return this.#reason instanceof QueueError && this.#reason.code === 'HANDLER_TIMEOUT'
  }

  /** The first reason stays. */
  abort(reason: Error): void {
    if (this.#reason !== undefined) return
    this.#reason = reason
    this.#controller?.abort(reason)
  }
}

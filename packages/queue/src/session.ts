import type { Caller } from './ports.ts'

/** Knows whether a session with the server stands, and wakes those who wait for one. */
export class Session {
  readonly #caller: Caller
  #isUp = true
  #waiters: (() => void)[] = []
  readonly #onUp = (): void => {
    this.#isUp = true
    for (const wake of this.#waiters.splice(0)) wake()
  }
  readonly #onDown = (): void => {
    this.#isUp = false
  }

  constructor(caller: Caller) {
    this.#caller = caller
    caller.on('connect', this.#onUp)
    caller.on('disconnect', this.#onDown)
    // After the last session every call rejects at once: whoever waits must go on to see it.
    caller.on('close', this.#onUp)
  }

  /** Resolves when a session stands or there will be none any more. */
  onReconnect(): Promise<void> {
    if (this.#isUp) return Promise.resolve()
    return new Promise((resolve) => {
      this.#waiters.push(resolve)
    })
  }

  /** Stops listening to the connection, which may outlive the queue. */
  close(): void {
    this.#caller.off('connect', this.#onUp)
    this.#caller.off('disconnect', this.#onDown)
    this.#caller.off('close', this.#onUp)
    this.#onUp()
  }
}

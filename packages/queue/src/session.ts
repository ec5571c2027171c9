import type { Caller } from './ports.ts'

/** Knows whether a session with the server stands, and wakes those who wait for one. */
export class Session {
  readonly #caller: Caller
  #isUp = true
  #waiters: (() => void)[] = []
  readonly #listeners = new Set<() => void>()
  readonly #onUp = (): void => {
    this.#isUp = true
    for (const wake of this.#waiters.splice(0)) wake()
    for (const listener of this.#listeners) listener()
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

  /** Calls `listener` for each session after a lost one. Whoever listens calls the returned function to stop. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  /** Stops listening to the connection, which may outlive the queue. */
  close(): void {
    this.#caller.off('connect', this.#onUp)
    this.#caller.off('disconnect', this.#onDown)
    this.#caller.off('close', this.#onUp)
    this.#listeners.clear()
    this.#onUp()
  }
}

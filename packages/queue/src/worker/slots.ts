/**
 * Counts what a worker holds: a slot is occupied from the moment a task is asked for until its
 * outcome is confirmed. One waiter, the take loop.
 */
export class Slots {
  #occupied = 0
  #wakeTaker: (() => void) | undefined
  #idleWaiters: (() => void)[] = []

  get occupied(): number {
    return this.#occupied
  }

  occupy(count: number): void {
    this.#occupied += count
  }

  release(count = 1): void {
    this.#occupied -= count
    const wake = this.#wakeTaker
    this.#wakeTaker = undefined
    wake?.()
    if (this.#occupied === 0) for (const wakeIdle of this.#idleWaiters.splice(0)) wakeIdle()
  }

  /** Resolves at the next release. */
  onRelease(): Promise<void> {
    return new Promise((resolve) => {
      this.#wakeTaker = resolve
    })
  }

  /** Resolves when nothing is occupied. */
  onIdle(): Promise<void> {
    if (this.#occupied === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#idleWaiters.push(resolve)
    })
  }

  /** Wakes the waiter though nothing is free, for it to see that the worker stops. */
  wake(): void {
    this.#wakeTaker?.()
    this.#wakeTaker = undefined
  }
}

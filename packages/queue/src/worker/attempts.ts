import type { TaskId } from '../wire/task-tuple.ts'

/**
 * Counts the tries of tasks that failed in this worker. Bounded: past `max` tasks the one that
 * failed longest ago starts at one again.
 */
export class Attempts {
  readonly #max: number
  readonly #failures = new Map<TaskId, number>()

  constructor(max: number) {
    this.#max = max
  }

  /** The number of the try that runs now, 1 for the first. */
  current(id: TaskId): number {
    return (this.#failures.get(id) ?? 0) + 1
  }

  /** Notes that the current try has failed. */
  fail(id: TaskId): void {
    const failures = this.current(id)
    // Deleted first, so that the map's order is that of the latest failures.
    this.#failures.delete(id)
    this.#failures.set(id, failures)
    if (this.#failures.size <= this.#max) return
    const oldest = this.#failures.keys().next().value
    if (oldest !== undefined) this.#failures.delete(oldest)
  }

  /** The task has ended, or is another's now. */
  forget(id: TaskId): void {
    this.#failures.delete(id)
  }
}

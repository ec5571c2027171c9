import type { TaskId } from '../wire/task-tuple.ts'

interface Line {
  /** When the last in it comes back. */
  endMs: number
  readonly ids: Set<TaskId>
  /** More wait than are remembered: it cannot tell any more who has waited. */
  isOverfull: boolean
}

/** Thousandths of a call; a limiter's integers may lose one per call, which must not add up to a refusal. */
const SPACING = 1001

/**
 * Who waits behind a limit, by key: gives each task a time of its own to come back, one after the
 * other at the limit's rate, so that what a limit holds up is released once and keeps its order.
 *
 *   now ──|──|──|──|──> endMs      newcomers go to the end, also when the limiter has room at the moment
 *         a  b  c  d
 */
export class WaitingLines {
  readonly #spacingMs: number
  readonly #maxLines: number
  readonly #maxTasks: number
  readonly #lines = new Map<string, Line>()
  #tasks = 0

  constructor(rate: number, { maxLines = 10_000, maxTasks = 100_000 }: { maxLines?: number; maxTasks?: number } = {}) {
    this.#spacingMs = SPACING / rate
    this.#maxLines = maxLines
    this.#maxTasks = maxTasks
  }

  /** Tasks that are remembered. */
  get size(): number {
    return this.#tasks
  }

  /** Whether the task came later than some that wait. One that has waited leaves its line by this. */
  isLatecomer(key: string, id: TaskId, nowMs: number): boolean {
    const line = this.#lines.get(key)
    if (line === undefined) return false
    if (line.endMs <= nowMs) {
      this.#drop(key, line)
      return false
    }
    return !this.leave(key, id) && !line.isOverfull
  }

  /** A task's turn has come; whether it is known to have waited. */
  leave(key: string, id: TaskId): boolean {
    const hasWaited = this.#lines.get(key)?.ids.delete(id) === true
    if (hasWaited) this.#tasks -= 1
    return hasWaited
  }

  /** Adds a task to the end of its key's line; milliseconds from now to its turn, `leastMs` at least. */
  add(key: string, id: TaskId, leastMs: number, nowMs: number): number {
    const line = this.#lines.get(key) ?? this.#open(key, nowMs)
    if (line === undefined) return leastMs
    line.endMs = Math.max(nowMs + leastMs, line.endMs + this.#spacingMs)
    if (this.#tasks >= this.#maxTasks) {
      line.isOverfull = true
    } else if (!line.ids.has(id)) {
      line.ids.add(id)
      this.#tasks += 1
    }
    return line.endMs - nowMs
  }

  /** `undefined` when there are as many lines as may be. */
  #open(key: string, nowMs: number): Line | undefined {
    if (this.#lines.size >= this.#maxLines) {
      for (const [other, line] of this.#lines) if (line.endMs <= nowMs) this.#drop(other, line)
      if (this.#lines.size >= this.#maxLines) return undefined
    }
    const line: Line = { endMs: Number.NEGATIVE_INFINITY, ids: new Set(), isOverfull: false }
    this.#lines.set(key, line)
    return line
  }

  #drop(key: string, line: Line): void {
    this.#lines.delete(key)
    this.#tasks -= line.ids.size
  }
}

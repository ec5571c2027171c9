import { expected } from '../options.ts'
import type { Clock } from '../ports.ts'
import type { TaskId } from '../wire/task-tuple.ts'
import type { Handler, WorkerOptions } from './options.ts'
import { Again } from './outcome.ts'

export interface RepeatOptions extends WorkerOptions {
  /** Seconds from the start of a round to the start of the next. */
  readonly every: number
}

/** Tasks whose next round one worker remembers; one more is timed from its start. */
const MAX_REMEMBERED = 100_000

/**
 * A handler whose task is never done: it goes back to the tube, ready again `every` seconds after it
 * was to start this time, at once if the round took longer. Rounds that were missed are not made
 * up for. The task is one and the same all the time, so a crash cannot double or lose it.
 */
export function repeating<T>(handler: Handler<T>, every: number, clock: Clock): Handler<T> {
  if (typeof handler !== 'function') throw new TypeError(`Expected \`handler\` to be a function, got ${typeof handler}`)
  if (!(Number.isFinite(every) && every > 0)) throw expected('every', 'seconds > 0', every)
  const everyMs = every * 1000
  /** When each task's next round is to start, on the clock, ms. */
  const planned = new Map<TaskId, number>()

  return async (task, context) => {
    const start = clock.now()
    const due = planned.get(task.id)
    planned.delete(task.id)
    // One that is far off is not of this round: another worker has had the task meanwhile, or it was kicked.
    const isOfThisRound = due !== undefined && start >= due && start - due < everyMs / 2
    await handler(task, context)
    const now = clock.now()
    const next = Math.max(now, (isOfThisRound ? due : start) + everyMs)
    if (!task.isSettled && planned.size < MAX_REMEMBERED) planned.set(task.id, next)
    return new Again((next - now) / 1000)
  }
}

import type { RateLimiter } from '../limit/rate-limiter.ts'
import { wait } from '../limit/wait.ts'
import { WaitingLines } from '../limit/waiting-lines.ts'
import { type Clock, systemClock } from '../ports.ts'
import type { Task } from '../task.ts'
import type { Handler } from './options.ts'

/** Options of {@link limitTasks}. */
export interface LimitTasksOptions<T> {
  readonly limiter: RateLimiter
  /** Whose limit a task counts against: a string of at most 256 bytes. @default all tasks share one */
  readonly key?: (task: Task<T>) => string
}

/** What a test may replace. */
export interface LimitTasksInternals {
  readonly clock?: Pick<Clock, 'now'>
}

/**
 * Gives a handler that does no more tasks than the limit allows. A task above it is released with the
 * delay after which its turn comes, one after the other at the limit's rate; none is dropped, and those
 * of one key keep their order as far as one worker can see. It counts neither as a failure nor as a
 * try. A task within the burst waits in the worker as the limit says.
 *
 * Tubes without delays (fifo and utube) have the task back at once; the worker then waits with it.
 */
export function limitTasks<T>(
  { limiter, key: keyOf = () => 'tasks' }: LimitTasksOptions<T>,
  handler: Handler<T>,
  { clock = systemClock }: LimitTasksInternals = {},
): Handler<T> {
  const lines = new WaitingLines(limiter.rate)
  return async (task, context) => {
    const key = keyOf(task)
    let leastMs = 0
    if (!lines.isLatecomer(key, task.id, clock.now())) {
      const verdict = await limiter.check(key)
      if (verdict.granted) {
        if (verdict.delayMs > 0) await wait(verdict.delayMs, context.signal)
        return await handler(task, context)
      }
      leastMs = verdict.retryAfterMs
    }
    const delayMs = lines.add(key, task.id, leastMs, clock.now())
    await task.release({ delay: delayMs / 1000 })
    if (task.state === 'ready') await wait(delayMs, context.signal)
    return undefined
  }
}

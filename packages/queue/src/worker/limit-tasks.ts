import type { Granted, RateLimiter } from '../limit/rate-limiter.ts'
import { wait } from '../limit/wait.ts'
import { WaitingLines } from '../limit/waiting-lines.ts'
import { expected } from '../options.ts'
import { type Clock, systemClock } from '../ports.ts'
import type { Task } from '../task.ts'
import type { Handler } from './options.ts'
import { Again } from './outcome.ts'

/** Options of {@link limitTasks}. */
export interface LimitTasksOptions<T> {
  readonly limiter: RateLimiter
  /** Whose limit a task counts against: a string of at most 256 bytes. @default all tasks share one */
  readonly key?: (task: Task<T>) => string
  /**
   * What becomes of a task above the limit. `'release'`: it goes back to the tube with a delay; for tubes
   * that have delays. `'hold'`: the worker keeps it until its turn, and takes no others when all of
   * its `concurrency` are kept; for tubes of type fifo and utube, and where one limit is for the whole tube.
   * @default 'release'
   */
  readonly over?: 'release' | 'hold'
}

/** What a test may replace. */
export interface LimitTasksInternals {
  readonly clock?: Pick<Clock, 'now'>
}

const WAYS: ReadonlySet<string> = new Set(['release', 'hold'])

/**
 * Gives a handler that does no more tasks than the limit allows, for `tube.work`. What is above it
 * gets a time of its own, one task after the other at the limit's rate; none is dropped, and those of
 * one key keep their order as far as one worker can see. To be above the limit is neither a failure
 * nor a try. A task within the burst waits in the worker as the limit says.
 */
export function limitTasks<T>(
  { limiter, key: keyOf = () => 'tasks', over = 'release' }: LimitTasksOptions<T>,
  handler: Handler<T>,
  { clock = systemClock }: LimitTasksInternals = {},
): Handler<T> {
  if (!WAYS.has(over)) throw expected('over', "'release' or 'hold'", over)
  const lines = new WaitingLines(limiter.rate)
  return async (task, context) => {
    const key = keyOf(task)
    let verdict = lines.isLatecomer(key, task.id, clock.now()) ? undefined : await limiter.check(key)
    if (verdict?.granted !== true) {
      const delayMs = lines.add(key, task.id, verdict?.retryAfterMs ?? 0, clock.now())
      if (over === 'release') return new Again(delayMs / 1000, { keepsAttempts: true })
      await wait(delayMs, context.signal)
      lines.leave(key, task.id)
      verdict = await admitted(limiter, key, context.signal)
    }
    if (verdict.delayMs > 0) await wait(verdict.delayMs, context.signal)
    return await handler(task, context)
  }
}

/** For a task whose turn it is: others may use up the limit too, so it may have to ask again. */
async function admitted(limiter: RateLimiter, key: string, signal: AbortSignal): Promise<Granted> {
  for (;;) {
    const verdict = await limiter.check(key)
    if (verdict.granted) return verdict
    await wait(verdict.retryAfterMs, signal)
  }
}

import { isConnectionLost, QueueError } from '../errors.ts'
import type { Task } from '../task.ts'
import type { RetryDecision } from './retry-policy.ts'

/** How a handler's run ends for its task. `left`: the handler settled the task itself. */
export type Outcome = { readonly action: 'ack' } | RetryDecision | { readonly action: 'left' }

/** How often an outcome is sent again after the connection was lost with it. */
const MAX_RESENDS = 5

/**
 * Sends an outcome, again after each lost connection: the server accepts it as long as nobody
 * else was given the task, so finished work is not done twice. Resolves with `false` when the
 * task is no longer this delivery's: its ttr has passed, or an earlier sending did arrive.
 */
export async function sendOutcome(task: Task, outcome: Outcome, reconnected: () => Promise<void>): Promise<boolean> {
  for (let resends = 0; ; resends += 1) {
    try {
      await send(task, outcome)
      return true
    } catch (error) {
      if (isGone(error)) return false
      if (!isConnectionLost(error) || resends === MAX_RESENDS) throw error
      await reconnected()
    }
  }
}

function send(task: Task, outcome: Outcome): Promise<void> {
  switch (outcome.action) {
    case 'ack':
      return task.ack()
    case 'bury':
      return task.bury()
    case 'release':
      return task.release({ delay: outcome.delay })
    case 'left':
      return Promise.resolve()
  }
}

function isGone(error: unknown): boolean {
  return error instanceof QueueError && (error.code === 'TASK_NOT_TAKEN' || error.code === 'TASK_NOT_FOUND')
}

import { QueueError } from '../errors.ts'
import type { Task } from '../task.ts'
import type { RetryDecision } from './retry-policy.ts'

/** What becomes of a task that has failed. `policy`: the server decides, by what the task or its tube says. */
export type FailureDecision = RetryDecision | { readonly action: 'policy' }

/** Whether the server has `fail`, as far as is known. */
export interface FailureMemory {
  hasFail: boolean
}

/**
 * Sends a failure by the server's `fail`, which counts it, keeps the error and knows the tube of the dead; by
 * release or bury where the server is older, or the user's roles are.
 */
export async function sendFailure(
  task: Task,
  decision: FailureDecision,
  error: unknown,
  memory: FailureMemory,
): Promise<void> {
  if (memory.hasFail) {
    try {
      await task.fail(error, toOptions(decision))
      return
    } catch (refusal) {
      if (!isMissing(refusal)) throw refusal
      memory.hasFail = false
    }
  }
  if (decision.action === 'release') await task.release({ delay: decision.delay })
  else await task.bury()
}

/** What becomes of a task whose payload cannot be used. */
export type AsideWay = 'bury' | { readonly delay: number }

export function toDecision(way: AsideWay): RetryDecision {
  return way === 'bury' ? { action: 'bury' } : { action: 'release', delay: way.delay }
}

/** For a task that was taken and cannot be used. Never rejects: the caller raises `error`, and a lease ends by itself. */
export async function setAside(task: Task, way: AsideWay, error: unknown): Promise<void> {
  try {
    await sendFailure(task, toDecision(way), error, { hasFail: true })
  } catch {
    // Lost with its connection, or by its ttr: the task is ready again, and whoever takes it sees the same.
  }
}

/** Whether the server, or the user's roles, are older than a function. */
export function isMissing(error: unknown): boolean {
  if (error instanceof QueueError) return error.code === 'FUNCTION_MISSING'
  return error instanceof Error && 'code' in error && error.code === 'ER_ACCESS_DENIED'
}

function toOptions(decision: FailureDecision): { delay?: number; final?: boolean } {
  switch (decision.action) {
    case 'release':
      return { delay: decision.delay }
    case 'bury':
      return { final: true }
    case 'policy':
      return {}
  }
}

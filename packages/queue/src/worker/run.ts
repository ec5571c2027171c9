import type { Task } from '../task.ts'
import { Abortable } from './abortable.ts'
import type { HandlerContext } from './options.ts'
import type { Failure } from './outcome.ts'

/**
 * One delivery on its way through the worker:
 *
 *   waiting ──handler starts──> running ──handler ends, or is given up──> settling ──confirmed──> over
 *      └──lease lost, given back──> over
 *
 * It is also what its handler gets as context.
 */
export class Run<T> extends Abortable implements HandlerContext {
  readonly task: Task<T>
  readonly token: number
  attempt = 1
  /** Set when it has failed. */
  failure: Failure | undefined
  /** When its handler started, on the worker's clock, ms. */
  startedAt = 0
  isRunning = false
  /** Its outcome was decided before its handler ended; the slot is occupied until both are over. */
  isGivenUp = false
  isOver = false

  constructor(task: Task<T>, token: number) {
    super()
    this.task = task
    this.token = token
  }
}

import type { EventEmitter } from 'node:events'
import type { Task } from '../task.ts'
import type { Outcome } from './outcome.ts'

/** For observers; a worker needs no listener to do its work. */
export interface WorkerEvents<T> {
  /** The task was acked. */
  completed: [task: Task<T>]
  /** The handler threw or took too long; `next` says what becomes of the task. */
  failed: [task: Task<T>, error: unknown, next: Outcome]
  /**
   * The payload of a task cannot be used: `error` is a {@link PayloadError}, the task's `data` is what is stored.
   * It is kept, see TubeOptions.undecodable.
   */
  undecodable: [task: Task, error: unknown]
  /** The task is not this worker's any more, by its ttr or a lost connection: it is or will be delivered again. */
  lost: [task: Task<T>]
  /**
   * The handler runs for `ms` so far: once when that is `stalledAfterMs`, and once when close() releases
   * its task without it.
   */
  stalled: [task: Task<T>, ms: number]
  /** A take, a touch or an outcome was refused; the worker goes on. */
  refused: [error: unknown]
}

export type Tell<T> = <E extends keyof WorkerEvents<T>>(event: E, ...args: WorkerEvents<T>[E]) => void

/** A listener that throws must not stop the worker: its error surfaces as an uncaught one. */
export function tellOf<T>(emitter: EventEmitter<WorkerEvents<T>>): Tell<T> {
  return (event, ...args) => {
    try {
      // The overloads of `emit` do not see that the arguments fit the event.
      ;(emitter.emit as (event: string, ...args: unknown[]) => boolean).call(emitter, event, ...args)
    } catch (error) {
      queueMicrotask(() => {
        throw error
      })
    }
  }
}

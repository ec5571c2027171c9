import { Queue, type QueueInternals } from '../src/queue.ts'
import type { Handler, WorkerOptions } from '../src/worker/options.ts'
import type { Worker } from '../src/worker/worker.ts'
import { FakeCaller, FakeClock } from './fake-caller.ts'

export interface Started {
  readonly caller: FakeCaller
  readonly clock: FakeClock
  readonly queue: Queue
  readonly worker: Worker
}

/** A worker of the tube `push` that holds nothing ahead, on a connection and a clock of the test. */
export function start(handler: Handler<unknown>, options: WorkerOptions = {}): Started {
  const { caller, clock, queue } = startQueue()
  const worker = queue.tube('push').work(handler, { prefetch: 0, ...options })
  return { caller, clock, queue, worker }
}

export function startQueue(): Omit<Started, 'worker'> {
  const caller = new FakeCaller()
  // The tube has no policy of its own for tasks that fail.
  caller.answers.set('queue.info', { id: 0, state: 't', attempts: 0 })
  const clock = new FakeClock()
  const internals: QueueInternals = { clock }
  return { caller, clock, queue: new Queue(caller, {}, internals) }
}

/** A delivered task, as the server sends it. */
export const task = (id: number): unknown[] => [id, 't', { n: id }, 1000 + id]

/** The server's answer for a task that is another's. */
export const NOT_TAKEN = { code: 'TASK_NOT_TAKEN', message: 'Task was not taken' }

export interface ManualRun {
  readonly id: number
  readonly attempt: number
  readonly signal: AbortSignal
  readonly end: () => void
  readonly fail: (error: unknown) => void
}

/** A handler whose runs the test ends. */
export function manual(): { runs: ManualRun[]; handler: Handler<unknown> } {
  const runs: ManualRun[] = []
  const handler: Handler<unknown> = ({ id }, { signal, attempt }) =>
    new Promise<void>((end, fail) => runs.push({ id, attempt, signal, end, fail }))
  return { runs, handler }
}

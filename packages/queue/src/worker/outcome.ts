import { isConnectionLost, isPassing, QueueError } from '../errors.ts'
import { type Clock, pack } from '../ports.ts'
import type { Task } from '../task.ts'
import { type FailureDecision, type FailureMemory, sendFailure } from './failing.ts'

/** How a handler's run ends for its task. `left`: the handler settled the task itself. */
export type Outcome =
  | { readonly action: 'ack'; readonly result?: unknown }
  | FailureDecision
  | { readonly action: 'left' }

const ACK: Outcome = Object.freeze({ action: 'ack' })

/** The end of a task whose work is done. Throws for a result that has no MessagePack form. */
export function doneOf(result: unknown, isKept: boolean): Outcome {
  return isKept ? { action: 'ack', result: pack(result ?? null).value } : ACK
}

/** What a handler of our own returns to have its task again, after `delay` seconds, instead of acked. */
export class Again {
  readonly delay: number
  /** The handler has not tried: earlier failures of the task still count. */
  readonly keepsAttempts: boolean

  constructor(delay: number, { keepsAttempts = false }: { readonly keepsAttempts?: boolean } = {}) {
    this.delay = delay
    this.keepsAttempts = keepsAttempts
  }
}

export interface Sending {
  readonly clock: Clock
  /** Resolves when a session stands, after a lost connection. */
  readonly onReconnect: () => Promise<void>
  /** Ends the repetitions: the worker gives its tasks back. */
  readonly signal: AbortSignal
  readonly memory: FailureMemory
}

/** Why a task has failed. */
export interface Failure {
  readonly error: unknown
}

/** Pauses between repetitions grow from the first to the second, ms; a full disk or a fail-over may take a while. */
const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 5000
/** With the pauses above this is more than half a minute, and the lease may be over by then. */
const MAX_REPETITIONS = 12

/** Sends an outcome. Rejects with why it did not arrive, or was refused: see {@link sendAgain}. */
export function sendOutcome(
  task: Task,
  outcome: Outcome,
  failure: Failure | undefined,
  memory: FailureMemory,
): Promise<void> {
  if (failure === undefined || outcome.action === 'ack' || outcome.action === 'left') return send(task, outcome)
  return sendFailure(task, outcome, failure.error, memory)
}

/**
 * Sends an outcome whose first sending failed, after a lost connection or a refusal that may pass (a full
 * disk): the server keeps the lease, or accepts the outcome as long as nobody else was given the task, so
 * finished work is not done twice. Resolves with `false` when the task is no longer this delivery's: its ttr
 * has passed, or an earlier sending did arrive. Rejects with the last error.
 */
export async function sendAgain(
  task: Task,
  outcome: Outcome,
  failure: Failure | undefined,
  { clock, onReconnect, signal, memory }: Sending,
  error: unknown,
): Promise<boolean> {
  let last = error
  let pause = FIRST_PAUSE_MS
  for (let repetitions = 0; ; repetitions += 1) {
    if (isGone(last)) return false
    if (!isPassing(last) || repetitions === MAX_REPETITIONS || signal.aborted) throw last
    if (isConnectionLost(last)) await onReconnect()
    else await clock.sleep(pause, signal)
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS)
    try {
      await sendOutcome(task, outcome, failure, memory)
      return true
    } catch (again) {
      last = again
    }
  }
}

function send(task: Task, outcome: Outcome): Promise<void> {
  switch (outcome.action) {
    case 'ack':
      return outcome.result === undefined ? task.ack() : task.complete(outcome.result)
    case 'bury':
      return task.bury()
    case 'release':
      return task.release({ delay: outcome.delay })
    case 'policy':
      return task.fail()
    case 'left':
      return Promise.resolve()
  }
}

function isGone(error: unknown): boolean {
  return error instanceof QueueError && (error.code === 'TASK_NOT_TAKEN' || error.code === 'TASK_NOT_FOUND')
}

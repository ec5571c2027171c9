import { ConnectionError, type ErrorFacts, TarantellaError } from '@tarantella/connector'

export { UsageError } from '@tarantella/connector'

/** Codes that the queue server answers with; the same strings stand in `tarantella/errors.lua`. */
export type ServerQueueErrorCode =
  | 'TASK_NOT_TAKEN' // the task is not (or no longer) held by this session and delivery
  | 'TASK_NOT_FOUND' // no task with this id
  | 'TUBE_NOT_FOUND' // no tube with this name: create it, or look at the spelling
  | 'TUBE_EXISTS' // a tube or space with this name stands already
  | 'TUBE_TYPE_UNKNOWN' // not one of the server's tube types
  | 'TUBE_IN_USE' // drop of a tube with waiting consumers or taken tasks
  | 'INVALID_ARGUMENT' // the server refused an argument; the text names it
  | 'TASK_TOO_LARGE' // the payload is above the server's `memtx_max_tuple_size`
  | 'MEMORY_FULL' // the server has no memory for a task, until others are done or it is given more
  | 'TASK_BUSY' // another call is changing the task at this moment
  | 'TOO_MANY_WAITERS' // the tube has as many waiting takes as the server allows
  | 'SESSION_NOT_FOUND' // no session with this UUID
  | 'QUEUE_FULL' // the tube is at its capacity
  | 'QUEUE_NOT_RUNNING' // the instance is read-only or still starting
  | 'ABILITY_NOT_ENABLED' // the tube was created without the option that this needs; the text names it
  | 'TASK_WRONG_STATE' // an admin function of a task that is in another state
  | 'DUPLICATE_KEY' // the other tube has a task with this key
  | 'SCHEDULE_NOT_FOUND' // no schedule with this name
  | 'SCHEDULE_EXISTS' // `ifExists: 'error'`, and there is one
  | 'TOO_MANY_SCHEDULES' // the server keeps no more
  | 'TOO_MANY_SUBSCRIPTIONS' // of a topic, or of all

/** Codes of errors that the queue client or server raises. Match on them, never on the text. */
export type QueueErrorCode =
  | ServerQueueErrorCode
  | 'QUEUE_SERVER_MISSING' // the instance answers, but has no Tarantella queue
  | 'FUNCTION_MISSING' // the instance has a queue without this function: an older one, or tarantool/queue
  | 'TASK_SETTLED' // this task object was already acked, released, buried or deleted
  | 'QUEUE_CLOSED' // close() was called
  | 'LEASE_LOST' // the task's ttr or session ended while its handler ran: it is or will be delivered again
  | 'HANDLER_TIMEOUT' // a handler ran longer than the worker's `timeoutMs`
  | 'BATCH_FAILED' // at least one item of an explicit batch failed, see BatchError.results
  | 'OVERLOADED' // too many calls wait to be sent
  | 'TOO_MANY_REQUESTS' // a limiter refused the call, see TooManyRequestsError.retryAfterMs
  | 'PAYLOAD_INVALID' // a payload is not as the tube's schema says
  | 'PAYLOAD_UNREADABLE' // a payload's serializer could not read it
  | 'UNKNOWN_SERIALIZER' // a payload was put with a serializer that this client does not have
  | 'NO_SERVER' // of several servers none could be reached, see `cause`
  | 'SERVER_SILENT' // one of several servers did not answer in time
  | 'UNEXPECTED_REPLY' // the server answered in a shape this client does not know

/** An error of the queue: a refusal by its server, or a limit of this client. */
export class QueueError extends TarantellaError<QueueErrorCode> {
  constructor(code: QueueErrorCode, message: string, facts: Partial<ErrorFacts> = {}) {
    super(code, message, { retryable: false, sent: false, ...facts })
  }
}

/**
 * Some items of `putMany`, `ackMany` and their like failed. The others were executed:
 * `results` says for each item, in order, what became of it.
 */
export class BatchError<R = unknown> extends QueueError {
  readonly results: readonly PromiseSettledResult<R>[]

  constructor(results: readonly PromiseSettledResult<R>[]) {
    const failed = results.filter((result) => result.status === 'rejected')
    const first: unknown = failed[0]?.reason
    super('BATCH_FAILED', `${failed.length} of ${results.length} items failed, the first with: ${String(first)}`, {
      sent: true,
      cause: first,
    })
    this.results = results
  }
}

/** Whether the same call may succeed later without any change by the caller. */
const PASSING: ReadonlySet<string> = new Set<ServerQueueErrorCode>([
  'MEMORY_FULL',
  'TASK_BUSY',
  'TOO_MANY_WAITERS',
  'QUEUE_FULL',
  'QUEUE_NOT_RUNNING',
])

/** Makes the error for a code that the server sent, for a whole call or for one item of a batch. */
export function refusedByServer(code: ServerQueueErrorCode, message: string, cause?: unknown): QueueError {
  return new QueueError(code, message, { sent: true, retryable: PASSING.has(code), cause })
}

/** Whether the connection went while the call was under way, so that its outcome is not known. */
export function isConnectionLost(error: unknown): boolean {
  return error instanceof ConnectionError && error.code === 'CONNECTION_LOST'
}

/** Refusals that no repetition mends: the caller's set-up is wrong, or the connection is closed for good. */
const LASTING: ReadonlySet<string> = new Set([
  'TUBE_NOT_FOUND',
  'QUEUE_SERVER_MISSING',
  'FUNCTION_MISSING',
  'ABILITY_NOT_ENABLED',
  'INVALID_ARGUMENT',
  'UNEXPECTED_REPLY',
  'ER_ACCESS_DENIED',
  'AUTH_FAILED',
  'CONNECTION_CLOSED',
  'QUEUE_CLOSED',
  'TASK_SETTLED',
])

/** Whether the same call may succeed at another time: what a worker outlasts. */
export function isPassing(error: unknown): boolean {
  return error instanceof TarantellaError && !LASTING.has(String(error.code))
}

import { QueueError, refusedByServer, type ServerQueueErrorCode } from '../errors.ts'

const CODES: ReadonlySet<string> = new Set<ServerQueueErrorCode>([
  'TASK_NOT_TAKEN',
  'TASK_NOT_FOUND',
  'TUBE_NOT_FOUND',
  'TUBE_EXISTS',
  'TUBE_TYPE_UNKNOWN',
  'TUBE_IN_USE',
  'INVALID_ARGUMENT',
  'TASK_TOO_LARGE',
  'MEMORY_FULL',
  'TASK_BUSY',
  'TOO_MANY_WAITERS',
  'SESSION_NOT_FOUND',
  'QUEUE_FULL',
  'QUEUE_NOT_RUNNING',
  'ABILITY_NOT_ENABLED',
  'TASK_WRONG_STATE',
  'DUPLICATE_KEY',
  'SCHEDULE_NOT_FOUND',
  'SCHEDULE_EXISTS',
  'TOO_MANY_SCHEDULES',
  'TOO_MANY_SUBSCRIPTIONS',
])

/** What every queue server has: without one of these there is none. */
const CORE: ReadonlySet<string> = new Set(
  'put_many take_many ack_many release_many bury_many peek kick delete create_tube truncate drop health statistics'
    .split(' ')
    .map((name) => `queue.${name}`),
)

/** Narrows a string that the server sent to a code of ours. */
function isServerCode(code: unknown): code is ServerQueueErrorCode {
  return typeof code === 'string' && CODES.has(code)
}

/** The parts of the connector's ServerError that matter here, so that a fake needs no class of it. */
interface ServerFailure {
  readonly code: string
  readonly message: string
  readonly frames: readonly { readonly fields: Readonly<Record<string, unknown>> }[]
}

function isServerFailure(error: unknown): error is ServerFailure {
  return (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'string' &&
    'frames' in error &&
    Array.isArray(error.frames)
  )
}

/**
 * Turns what a call rejected with into what users match on. The queue server raises errors of a
 * custom type whose name is our code (server >= 2.4.1 sends it in the error's first frame);
 * everything else, from the connector or from Tarantool itself, passes unchanged. `fn` is what was called.
 */
export function toQueueError(error: unknown, fn: string): unknown {
  if (!isServerFailure(error)) return error
  const type = error.frames[0]?.fields['custom_type']
  if (isServerCode(type)) return refusedByServer(type, error.message, error)
  if (error.code !== 'ER_NO_SUCH_PROC') return error
  if (CORE.has(fn)) {
    return new QueueError(
      'QUEUE_SERVER_MISSING',
      `This Tarantool instance has no Tarantella queue (${error.message}): start it with tarantool/init.lua, or publish require('tarantella') as the global queue`,
      { sent: true, cause: error },
    )
  }
  return new QueueError(
    'FUNCTION_MISSING',
    `This queue server has no function ${fn}: bring its module tarantella up to date (tarantool/queue does not have it)`,
    { sent: true, cause: error },
  )
}

/** Turns a failed item of a batch, a map `{code, message}`, into an error. */
export function itemError(item: { code?: unknown; message?: unknown }): QueueError {
  const message = typeof item.message === 'string' ? item.message : 'The queue server gave no reason'
  if (isServerCode(item.code)) return refusedByServer(item.code, message)
  return new QueueError('UNEXPECTED_REPLY', `Unknown error code ${String(item.code)}: ${message}`, { sent: true })
}

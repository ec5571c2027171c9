import { QueueError, refusedByServer, type ServerQueueErrorCode } from '../errors.ts'

/** A failed item of a batch, as the queue server has it. */
export interface FailedItem {
  readonly code: ServerQueueErrorCode
  readonly message: string
}

/** The texts of tarantool/queue and of Tarantool, which have no codes of their own. */
const BY_TEXT: readonly (readonly [RegExp, ServerQueueErrorCode])[] = [
  [/Task was not taken/, 'TASK_NOT_TAKEN'],
  [/Task .* not found/, 'TASK_NOT_FOUND'],
  [/is not in the (ready|taken|buried) state/, 'TASK_NOT_TAKEN'],
  [/Tube .*already exists|already exist/, 'TUBE_EXISTS'],
  [/There are consumers connected|There are taken tasks/, 'TUBE_IN_USE'],
  [/Queue is not in the RUNNING|read.?only/i, 'QUEUE_NOT_RUNNING'],
]

/** What a refusal means; `undefined` for what is no refusal of the queue, such as a lost connection. */
export function toFailedItem(error: unknown, tube: string): FailedItem | undefined {
  if (!(error instanceof Error) || !('frames' in error)) return undefined
  const { message } = error
  if (isMissing(error)) {
    return { code: 'TUBE_NOT_FOUND', message: `There is no tube ${tube} of tarantool/queue, or no queue: ${message}` }
  }
  const found = BY_TEXT.find(([text]) => text.test(message))
  return found === undefined ? undefined : { code: found[1], message }
}

/** The error of a call that is no batch. */
export function toPlainError(error: unknown, tube: string): unknown {
  const item = toFailedItem(error, tube)
  return item === undefined ? error : refusedByServer(item.code, item.message, error)
}

export function missing(what: string): QueueError {
  return new QueueError('FUNCTION_MISSING', `tarantool/queue has no ${what}: it needs Tarantella's queue server`)
}

/** By its text, too: over tarantool-driver a server's error has no code. */
export function isMissing(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  return ('code' in error && error.code === 'ER_NO_SUCH_PROC') || /^Procedure '.*' is not defined/.test(error.message)
}

import { ServerError, type ServerErrorCode } from '../errors.ts'
import { errorCode, isRetryable } from '../protocol/error-codes.ts'

/** Beyond the last number that the server gives to an error. */
const NUMBERS_END = 400

/**
 * An error as the server would answer with, for handlers of the fake server to throw.
 *
 * @example
 * server.onSpace('users', { insert: () => { throw serverError('ER_TUPLE_FOUND', 'Duplicate key exists') } })
 */
export function serverError(
  code: ServerErrorCode,
  message: string,
  fields: Readonly<Record<string, unknown>> = {},
): ServerError {
  const number = numberOf(code)
  const frame = { type: 'ClientError', file: '', line: 0, message, errno: 0, number, fields }
  return new ServerError(code, number, message, [frame], isRetryable(number, false))
}

function numberOf(code: ServerErrorCode): number {
  for (let number = 0; number < NUMBERS_END; number++) if (errorCode(number) === code) return number
  throw new TypeError(`Expected the name of an error of the server, such as ER_TUPLE_FOUND; got ${code}`)
}

import { ProtocolError, ServerError } from '../errors.ts'
import { readValue } from '../msgpack/decode.ts'
import { asText, framesOf } from '../msgpack/ext/error-value.ts'
import { type LazyField, readLazyArray } from '../msgpack/lazy.ts'
import type { Reader } from '../msgpack/reader.ts'
import { Key, ReplyType } from './constants.ts'
import { errorCode, isRetryable } from './error-codes.ts'

/*
 * Body of an OK or CHUNK reply: { DATA: array, … }, or {} or nothing
 * Body of an error: { ERROR_24: str [, ERROR: { 0: [frame, …] }] }
 *   for the frames see msgpack/ext/error-value.ts
 */

const NO_DATA: readonly unknown[] = []

/** The values of a reply; none if its body has none, as of a ping. */
export function readData(reader: Reader, lazy: LazyField | undefined): readonly unknown[] {
  if (reader.position >= reader.end) return NO_DATA
  let data: readonly unknown[] = NO_DATA
  for (let left = reader.mapSize(); left > 0; left--) {
    if (reader.uint() !== Key.DATA) reader.skip()
    else data = lazy === undefined ? readArray(reader) : readLazyArray(reader, lazy)
  }
  return data
}

function readArray(reader: Reader): unknown[] {
  const size = reader.arraySize()
  const array = new Array<unknown>(size)
  for (let i = 0; i < size; i++) array[i] = readValue(reader, 1)
  return array
}

/** The body of a reply as a map by key, for requests of the handshake. */
export function readBody(reader: Reader): ReadonlyMap<number, unknown> {
  const body = new Map<number, unknown>()
  if (reader.position >= reader.end) return body
  for (let left = reader.mapSize(); left > 0; left--) {
    const key = reader.uint()
    body.set(key, readValue(reader, 1))
  }
  return body
}

/** The error that a reply of this type carries. `runsCode`: the request was a call or an eval. */
export function readError(reader: Reader, type: number, runsCode: boolean): ServerError {
  if ((type & ReplyType.ERROR_BIT) === 0) {
    throw new ProtocolError('PROTOCOL_ERROR', `Unknown type of reply 0x${type.toString(16)}`, {
      retryable: false,
      sent: true,
    })
  }
  const number = type & (ReplyType.ERROR_BIT - 1)
  const body = readBody(reader)
  const message = asText(body.get(Key.ERROR_24))
  const frames = framesOf(body.get(Key.ERROR))
  if (frames.length === 0)
    frames.push({ type: 'ClientError', file: '', line: 0, message, errno: 0, number, fields: {} })
  return new ServerError(errorCode(number), number, message, frames, isRetryable(number, runsCode))
}

import { type ErrorFrame, ProtocolError, ServerError } from '../errors.ts'
import { readValue } from '../msgpack/decode.ts'
import { type LazyField, readLazyArray } from '../msgpack/lazy.ts'
import type { Reader } from '../msgpack/reader.ts'
import { Key, ReplyType } from './constants.ts'
import { errorCode, isRetryable } from './error-codes.ts'

/*
 * Body of an OK or CHUNK reply: { DATA: array, … }, or {} or nothing
 * Body of an error: { ERROR_24: str [, ERROR: { 0: [frame, …] }] }
 *   frame = { 0: type, 1: file, 2: line, 3: message, 4: errno, 5: number [, 6: fields map] }, the outermost first
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

function framesOf(error: unknown): ErrorFrame[] {
  const stack = field(error, 0)
  return Array.isArray(stack) ? stack.map(frameOf) : []
}

function frameOf(frame: unknown): ErrorFrame {
  return {
    type: asText(field(frame, 0)),
    file: asText(field(frame, 1)),
    line: asNumber(field(frame, 2)),
    message: asText(field(frame, 3)),
    errno: asNumber(field(frame, 4)),
    number: asNumber(field(frame, 5)),
    fields: asFields(field(frame, 6)),
  }
}

/** Maps with integer keys decode to Map. */
function field(map: unknown, key: number): unknown {
  return map instanceof Map ? map.get(key) : undefined
}

function asText(value: unknown): string {
  if (typeof value === 'string') return value
  return Buffer.isBuffer(value) ? value.toString('latin1') : ''
}

function asNumber(value: unknown): number {
  return typeof value === 'number' ? value : 0
}

function asFields(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || value instanceof Map) return {}
  return { ...value }
}

import { ProtocolError, ServerError } from '../errors.ts'
import { decode, readValue } from '../msgpack/decode.ts'
import { asText, framesOf } from '../msgpack/ext/error-value.ts'
import type { RowShape } from '../msgpack/ext/row-shape.ts'
import { type LazyField, readLazyArray } from '../msgpack/lazy.ts'
import type { Reader } from '../msgpack/reader.ts'
import { Key, ReplyType } from './constants.ts'
import { errorCode, isRetryable } from './error-codes.ts'

/*
 * Body of an OK or CHUNK reply: { DATA: array [, POSITION: str] [, TUPLE_FORMATS: map] }, or {} or nothing
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

/** The values of a reply, and what stands beside them. */
export interface Rows {
  readonly data: readonly unknown[]
  /** Where the select has ended, for the next one; undefined if it was not asked for or nothing was found. */
  readonly position: string | undefined
}

/**
 * The values of a reply, with tuples as objects: by `shape` where it is given, else by the TUPLE_FORMATS of the
 * reply. These stand after DATA, so the body is gone through once without decoding, to find them.
 */
export function readRows(reader: Reader, shape: RowShape | undefined): Rows {
  if (shape === undefined) findFormats(reader)
  try {
    return readPage(reader, undefined, shape)
  } finally {
    reader.rows?.asArrays()
  }
}

/** Like {@link readData}, with the position. */
export function readPage(reader: Reader, lazy: LazyField | undefined, shape?: RowShape): Rows {
  let data: readonly unknown[] = NO_DATA
  let position: string | undefined
  if (reader.position >= reader.end) return { data, position }
  for (let left = reader.mapSize(); left > 0; left--) {
    const key = reader.uint()
    if (key === Key.POSITION) position = asPosition(readValue(reader, 1))
    else if (key !== Key.DATA) reader.skip()
    else if (shape !== undefined) data = readShaped(reader, shape)
    else data = lazy === undefined ? readArray(reader) : readLazyArray(reader, lazy)
  }
  return { data, position }
}

function findFormats(reader: Reader): void {
  const start = reader.position
  if (start >= reader.end) return
  for (let left = reader.mapSize(); left > 0; left--) {
    const isFormats = reader.uint() === Key.TUPLE_FORMATS
    const from = reader.position
    reader.skip()
    if (isFormats) reader.rows?.asObjects(reader.buffer.subarray(from, reader.position), decode)
  }
  reader.position = start
}

/** Rows of one space. */
function readShaped(reader: Reader, shape: RowShape): unknown[] {
  const size = reader.arraySize()
  const rows = new Array<unknown>(size)
  // A row that says its format although nobody asked is left to the reader.
  for (let i = 0; i < size; i++) rows[i] = reader.isArray() ? shape.read(reader, 1, readValue) : readValue(reader, 1)
  return rows
}

function asPosition(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
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

import { byteAt } from './byte-at.ts'
import { readValue, tooDeep } from './decode.ts'
import { MAX_NESTING } from './nesting.ts'
import { RawField } from './raw.ts'
import type { Reader } from './reader.ts'

/** MP_TUPLE: the id of a format, then the array of the fields. */
const TUPLE_TYPE = 7

/**
 * Which fields of a reply to leave undecoded: element `index` of every array that stands `depth` arrays
 * deep. Depth 0 is the array of results itself, 1 an array in it, and so on; maps are not entered.
 * For `[[1, 't', <data>], [2, 't', <data>]]` that is `{ depth: 1, index: 2 }`.
 */
export interface LazyField {
  readonly depth: number
  readonly index: number
}

/** Decodes the array that begins here, with {@link RawField} where `lazy` says. */
export function readLazyArray(reader: Reader, lazy: LazyField, depth = 0): unknown[] {
  if (depth >= MAX_NESTING) throw tooDeep()
  const size = reader.arraySize()
  const array = new Array<unknown>(size)
  for (let i = 0; i < size; i++) {
    if (depth === lazy.depth) array[i] = i === lazy.index ? readRaw(reader) : readValue(reader, depth + 1)
    else
      array[i] =
        reader.isArray() || enterTuple(reader) ? readLazyArray(reader, lazy, depth + 1) : readValue(reader, depth + 1)
  }
  return array
}

/** Steps into a tuple that says its format, up to the array of its fields; a tuple is an array here as well. */
function enterTuple(reader: Reader): boolean {
  if (reader.rows === undefined || reader.position >= reader.end) return false
  const header = extHeaderSize(byteAt(reader.buffer, reader.position))
  const payload = reader.position + header
  if (header === 0 || payload >= reader.end || byteAt(reader.buffer, payload - 1) !== TUPLE_TYPE) return false
  reader.position = payload
  reader.uint()
  return true
}

/** The type's byte included; 0 if the byte begins no extension. */
function extHeaderSize(byte: number): number {
  if (byte >= 0xd4 && byte <= 0xd8) return 2
  if (byte === 0xc7) return 3
  if (byte === 0xc8) return 4
  return byte === 0xc9 ? 6 : 0
}

function readRaw(reader: Reader): RawField {
  const start = reader.position
  reader.skip()
  const bytes = Buffer.from(reader.buffer.subarray(start, reader.position))
  return new RawField(bytes, reader.extensions, reader.int64)
}

import { readValue, tooDeep } from './decode.ts'
import { MAX_NESTING } from './nesting.ts'
import { RawField } from './raw.ts'
import type { Reader } from './reader.ts'

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
    else array[i] = reader.isArray() ? readLazyArray(reader, lazy, depth + 1) : readValue(reader, depth + 1)
  }
  return array
}

function readRaw(reader: Reader): RawField {
  const start = reader.position
  reader.skip()
  return new RawField(Buffer.from(reader.buffer.subarray(start, reader.position)))
}

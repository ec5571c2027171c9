import { readValue } from '../msgpack/decode.ts'
import { asText } from '../msgpack/ext/error-value.ts'
import type { Reader } from '../msgpack/reader.ts'
import { Key } from './constants.ts'

/* Body of an EVENT = { EVENT_KEY: str [, EVENT_DATA: any] }, since 2.10 */

/** What the server tells of a watched key. */
export interface KeyEvent {
  readonly key: string
  /** Undefined while the key has no value. */
  readonly value: unknown
  /** Why the value cannot be decoded; undefined if it can. */
  readonly error: unknown
}

export function readEvent(reader: Reader): KeyEvent {
  let key = ''
  let value: unknown
  for (let left = reader.mapSize(); left > 0; left--) {
    const field = reader.uint()
    if (field === Key.EVENT_KEY) key = asText(readValue(reader, 1))
    else if (field !== Key.EVENT_DATA) reader.skip()
    else {
      try {
        value = readValue(reader, 1)
      } catch (error) {
        // The key comes first, so whoever watches it can be told.
        return { key, value: undefined, error }
      }
    }
  }
  return { key, value, error: undefined }
}

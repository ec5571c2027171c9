import { decode } from '@msgpack/msgpack'
import { expect, test } from 'vitest'
import { Writer } from '../../src/msgpack/writer.ts'
import { IdRequest } from '../../src/protocol/requests/id.ts'

/** STREAMS to WATCH_ONCE, CALL_ARG_TUPLE, IS_SYNC, INSERT_ARROW; the formats of tuples on demand. */
test.each([
  [false, [0, 1, 2, 3, 4, 5, 6, 9, 11, 12]],
  [true, [0, 1, 2, 3, 4, 5, 6, 9, 11, 12, 7, 8]],
])('the client declares what it speaks; with tuple formats: %s', (tupleFormats, features) => {
  const writer = new Writer(64)
  new IdRequest(tupleFormats).writeBody(writer)
  expect(decode(writer.buffer.subarray(0, writer.length))).toEqual({ 84: 10, 85: features })
})

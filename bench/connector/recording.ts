import { encode } from '@msgpack/msgpack'
import { CALLED, EVALUATED, messageOf, type Operation, ROWS, rowOf, SPACE_ID } from './operations.ts'

/*
 * Request = ce <size u32> header body
 *   header = 82 00 <type> 01 ce <sync u32>
 *   body   = map of integer keys
 */

/** Requests that were encoded ahead, one behind the other, and where each begins; its last entry is the end. */
export interface Recording {
  readonly bytes: Buffer
  readonly offsets: readonly number[]
}

/** So many requests are recorded, and sent in turn. */
const RECORDED = ROWS

const SPACE = 0x10
const INDEX = 0x11
const LIMIT = 0x12
const OFFSET = 0x13
const ITERATOR = 0x14
const KEY = 0x20
const TUPLE = 0x21
const FUNCTION = 0x22
const EXPRESSION = 0x27

type Body = readonly (readonly [key: number, value: unknown])[]

/** The types and bodies of the operations; not by our own encoder, which is under test here. */
const REQUESTS: Readonly<Record<Operation, readonly [type: number, body: (i: number) => Body]>> = {
  ping: [0x40, () => []],
  select: [
    0x01,
    (i) => [
      [SPACE, SPACE_ID],
      [INDEX, 0],
      [LIMIT, 1],
      [OFFSET, 0],
      [ITERATOR, 0],
      [KEY, [i]],
    ],
  ],
  replace: [
    0x03,
    (i) => [
      [SPACE, SPACE_ID],
      [TUPLE, rowOf(i)],
    ],
  ],
  update: [
    0x04,
    (i) => [
      [SPACE, SPACE_ID],
      [INDEX, 0],
      [KEY, [i]],
      [TUPLE, [['=', 2, 42]]],
    ],
  ],
  call: [
    0x0a,
    (i) => [
      [FUNCTION, CALLED],
      [TUPLE, [messageOf(i)]],
    ],
  ],
  eval: [
    0x08,
    (i) => [
      [EXPRESSION, EVALUATED],
      [TUPLE, [i]],
    ],
  ],
}

export function record(operation: Operation): Recording {
  const [type, bodyOf] = REQUESTS[operation]
  const requests: Buffer[] = []
  const offsets = [0]
  let end = 0
  for (let i = 0; i < RECORDED; i += 1) {
    const request = encodeRequest(type, i, bodyOf(i))
    requests.push(request)
    end += request.length
    offsets.push(end)
  }
  return { bytes: Buffer.concat(requests), offsets }
}

function encodeRequest(type: number, sync: number, body: Body): Buffer {
  const head = Buffer.from([0xce, 0, 0, 0, 0, 0x82, 0x00, type, 0x01, 0xce, 0, 0, 0, 0, 0x80 | body.length])
  head.writeUInt32BE(sync, 10)
  const request = Buffer.concat([head, ...body.flatMap(([key, value]) => [Buffer.from([key]), encode(value)])])
  request.writeUInt32BE(request.length - 5, 1)
  return request
}

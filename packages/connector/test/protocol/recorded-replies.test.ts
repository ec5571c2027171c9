import { expect, test } from 'vitest'
import { RECORDINGS, readRecording } from '../../../../test/helpers/recorded.ts'
import { encode } from '../../src/msgpack/encode.ts'
import { Tuple } from '../../src/msgpack/ext/tuple.ts'
import { Reader } from '../../src/msgpack/reader.ts'
import { ReplyHeader } from '../../src/protocol/header.ts'
import { readBody, readError } from '../../src/protocol/reply.ts'

/** A decoded value in the notation of the recordings; an extension is written again to see its payload. */
function notation(value: unknown): unknown {
  if (typeof value === 'bigint') return { $int: String(value) }
  if (Buffer.isBuffer(value)) return { $str: value.toString('hex') }
  if (Array.isArray(value)) return value.map(notation)
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, part]) => [String(key), notation(part)]))
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Tuple) return { $ext: [7, payloadOf(value)] }
  if (Object.getPrototypeOf(value) !== Object.prototype) return extension(encode(value))
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, notation(part)]))
}

/** A tuple is sent as a plain array, so its payload has to be put together. */
function payloadOf({ formatId, values }: Tuple): string {
  return encode(formatId).toString('hex') + encode(values).toString('hex')
}

function extension(bytes: Buffer): unknown {
  const code = bytes.readUInt8(0)
  // fixext has its type after one byte; ext 8 after a byte of length.
  const at = code === 0xc7 ? 2 : 1
  return { $ext: [bytes.readInt8(at), bytes.toString('hex', at + 1)] }
}

for (const name of RECORDINGS) {
  const replies = readRecording(name).requests.flatMap(({ request, replies: list = [] }) =>
    list.map((reply, i) => ({ name: `${request} ${i}: ${reply.bytes.slice(10, 60)}`, ...reply })),
  )

  test.each(replies)(`${name} $name`, ({ bytes, header, body }) => {
    const packet = Buffer.from(bytes, 'hex')
    const reader = new Reader()
    reader.load(packet, 5, packet.length)
    const read = new ReplyHeader()
    read.read(reader)
    expect({ 0: read.type, 1: read.sync, 5: read.schemaVersion }).toEqual(header)
    expect(notation(readBody(reader))).toEqual(body ?? {})
    expect(reader.position).toBe(packet.length)
  })
}

test('an error has its name, its number and every frame with its fields', () => {
  const call = readRecording('3.8.0').requests.find(({ body }) => body?.['34'] === 'fail_stack')
  const packet = Buffer.from(call?.replies?.[0]?.bytes ?? '', 'hex')
  const reader = new Reader()
  reader.load(packet, 5, packet.length)
  const header = new ReplyHeader()
  header.read(reader)
  const error = readError(reader, header.type, true)
  expect(error).toMatchObject({ code: 'ER_CREATE_USER', number: 43, message: 'outer', sent: true, retryable: false })
  expect(error.frames.length).toBeGreaterThan(1)
  expect(error.frames[0]).toMatchObject({
    type: 'CustomError',
    file: 'server.lua',
    line: 12,
    message: 'outer',
    fields: { custom_type: 'MyType' },
  })
})

test('a header in another layout than the usual one is read all the same', () => {
  const reader = new Reader()
  const header = new ReplyHeader()
  // { 5: 7, 1: 300, 0: 0, 10: 1 } in short integers.
  const bytes = Buffer.from('84050701cd012c00000a01', 'hex')
  reader.load(bytes, 0, bytes.length)
  header.read(reader)
  expect({ type: header.type, sync: header.sync, schemaVersion: header.schemaVersion }).toEqual({
    type: 0,
    sync: 300,
    schemaVersion: 7,
  })
})

test('a header without a type is a fault of the peer', () => {
  const reader = new Reader()
  const bytes = Buffer.from('810101', 'hex')
  reader.load(bytes, 0, bytes.length)
  expect(() => new ReplyHeader().read(reader)).toThrow(expect.objectContaining({ code: 'PROTOCOL_ERROR' }))
})

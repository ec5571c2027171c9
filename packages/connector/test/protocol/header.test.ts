import { decodeMulti } from '@msgpack/msgpack'
import { expect, test } from 'vitest'
import { Writer } from '../../src/msgpack/writer.ts'
import { beginRequest, endRequest } from '../../src/protocol/header.ts'

const IDS = [1, 127, 128, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER]

test.each(IDS)('the id %i of a stream goes out whole, with and without a schema version', (id) => {
  for (const schemaVersion of [0, 80]) {
    const writer = new Writer(8)
    const start = beginRequest(writer, 0x40, 7, schemaVersion, id)
    endRequest(writer, start, 1024)
    const bytes = writer.buffer.subarray(0, writer.length)
    expect(bytes.readUInt32BE(1)).toBe(bytes.length - 5)
    const [header, ...rest] = decodeMulti(bytes.subarray(5), { useBigInt64: true })
    const version = schemaVersion === 0 ? {} : { 5: 80 }
    const known = id < 2 ** 32 ? id : BigInt(id)
    expect(header).toEqual({ 0: 0x40, 1: 7, ...version, 10: known })
    expect(rest).toEqual([])
  }
})

test('a request of no stream says nothing of one', () => {
  const writer = new Writer(8)
  const start = beginRequest(writer, 0x40, 7, 0, 0)
  endRequest(writer, start, 1024)
  expect([...decodeMulti(writer.buffer.subarray(5, writer.length))]).toEqual([{ 0: 0x40, 1: 7 }])
})

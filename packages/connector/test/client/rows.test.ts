import { decode as oracle } from '@msgpack/msgpack'
import { describe, expect, test } from 'vitest'
import { type RecordedRequest, readRecording } from '../../../../test/helpers/recorded.ts'
import { okReply, reply } from '../../../../test/helpers/scripted-peer.ts'
import { defineExtension } from '../../src/msgpack/ext/extension.ts'
import { RawField } from '../../src/msgpack/raw.ts'
import { sessionWithPeer } from '../session-with-peer.ts'

/** Tuples with the ids of their formats, and the formats, as 3.8.0 sends them. */
const recorded = readRecording('3.8.0-names').requests

/** The body of a recorded reply in hex; prefix and header take 32 bytes. */
function bodyOf(request: RecordedRequest | undefined): string {
  return request?.replies?.[0]?.bytes.slice(64) ?? ''
}

function find(request: string, key: string, value: unknown): RecordedRequest | undefined {
  return recorded.find((packet) => packet.request === request && packet.body?.[key] === value)
}

const SELECT = bodyOf(recorded.find(({ request }) => request === 'SELECT'))
const NESTED = bodyOf(find('CALL', '34', 'two_tuples'))

describe('tuples that come with their formats', () => {
  test('are asked for by the option alone', async () => {
    const features = async (tupleFormats: boolean): Promise<number[]> => {
      const { introduction } = await sessionWithPeer({ tupleFormats })
      // The keys and types of an ID request.
      return (oracle(introduction) as Record<number, number[]>)[0x55] ?? []
    }
    const [without, withFormats] = [await features(false), await features(true)]
    expect(without).toContain(2)
    expect(without).not.toContain(7)
    expect(withFormats).toEqual(expect.arrayContaining([...without, 7, 8]))
  })

  test('are arrays, or objects if asked, wherever they stand', async () => {
    const { client, connection } = await sessionWithPeer({ tupleFormats: true })
    const calls = [
      client.select('users', 3),
      client.select('users', 3, { rows: 'object' }),
      client.call('two_tuples'),
      client.call('two_tuples', [], { rows: 'object' }),
    ]
    const requests = await connection.requests(4)
    for (const [i, { sync }] of requests.entries()) connection.write(reply(sync, { body: i < 2 ? SELECT : NESTED }))
    expect(await Promise.all(calls)).toEqual([
      [[3, 'user3', 23]],
      [{ id: 3, name: 'user3', age: 23 }],
      [[1, 'user1', 21], { x: [2, 'user2', 22] }],
      [{ id: 1, name: 'user1', age: 21 }, { x: { id: 2, name: 'user2', age: 22 } }],
    ])
  })

  test('that cannot be read as objects fail their request alone', async () => {
    const { client, connection } = await sessionWithPeer({ tupleFormats: true })
    const broken = client.select('users', 3, { rows: 'object' })
    // The format has another id than the tuple.
    connection.write(reply((await connection.request()).sync, { body: '8230dd00000001c70a076b9303a57573657233176080' }))
    await expect(broken).rejects.toMatchObject({ code: 'DECODE_FAILED' })
    const next = client.select('users', 3)
    connection.write(reply((await connection.request()).sync, { body: SELECT }))
    expect(await next).toEqual([[3, 'user3', 23]])
  })

  test('have lazy fields', async () => {
    const { client, connection } = await sessionWithPeer({ tupleFormats: true })
    const call = client.select<[number, RawField, number]>('users', 3, { lazy: { depth: 1, index: 1 } })
    connection.write(reply((await connection.request()).sync, { body: SELECT }))
    const [row] = await call
    expect(row?.[1]).toBeInstanceOf(RawField)
    expect([row?.[0], row?.[1].decode(), row?.[2]]).toEqual([3, 'user3', 23])
  })
})

test('a row of an array with an extension that is no tuple has it whole in a lazy reply', async () => {
  const { client, connection } = await sessionWithPeer()
  const call = client.call('f', [], { lazy: { depth: 2, index: 0 } })
  connection.write(okReply((await connection.request()).sync, '92d7ff0000000000000001c0'))
  const [ext] = await call
  expect(ext).toMatchObject({ type: -1 })
})

describe('the format of a space', () => {
  /** Rows of _vspace and _vindex of space 512 with the format [id, name]. */
  const VSPACE = '81309197cd020001a57573657273a56d656d747800809281a46e616d65a2696481a46e616d65a46e616d65'
  const VINDEX = '81309193cd020000a2706b'

  test('is looked up once, and the version goes with the request, also for a space by number', async () => {
    const { client, connection } = await sessionWithPeer()
    const calls = [client.get(512, 1, { rows: 'object' }), client.get(512, 2, { rows: 'object' })]
    const [space, index] = await connection.requests(2)
    expect([space, index].map((request) => (oracle(request?.body ?? []) as Record<number, unknown>)[16])).toEqual([
      281, 289,
    ])
    connection.write(reply(space?.sync ?? 0, { body: VSPACE }))
    connection.write(reply(index?.sync ?? 0, { body: VINDEX }))
    for (const { sync, schemaVersion, body } of await connection.requests(2)) {
      expect([schemaVersion, oracle(body)]).toMatchObject([80, { 16: 512 }])
      connection.write(okReply(sync, '919207a3416e6e'))
    }
    expect(await Promise.all(calls)).toEqual([
      { id: 7, name: 'Ann' },
      { id: 7, name: 'Ann' },
    ])
  })
})

test("a client's own extensions are written and read", async () => {
  class Point {
    readonly x: number
    constructor(x: number) {
      this.x = x
    }
  }
  const point = defineExtension({
    type: 100,
    class: Point,
    encode: ({ x }) => Buffer.from([x]),
    decode: (bytes) => new Point(bytes.readUInt8(0)),
  })
  const { client, connection } = await sessionWithPeer({ extensions: [point] })
  const call = client.call('f', [new Point(7)])
  const { sync, body } = await connection.request()
  expect(body.toString('hex')).toContain('d46407')
  connection.write(okReply(sync, '91d46408'))
  expect(await call).toEqual([new Point(8)])
})

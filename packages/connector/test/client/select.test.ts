import { decode as oracle } from '@msgpack/msgpack'
import { describe, expect, test } from 'vitest'
import { okReply, reply, startPeer } from '../../../../test/helpers/scripted-peer.ts'
import { type Client, connect } from '../../src/client/client.ts'
import { Uuid } from '../../src/msgpack/ext/uuid.ts'
import type { Iterator } from '../../src/protocol/constants.ts'
import { sessionWithPeer } from '../session-with-peer.ts'

/** Rows [1], [2], … of so many numbers. */
function rows(...numbers: readonly number[]): string {
  return `9${numbers.length}${numbers.map((number) => `91${number.toString(16).padStart(2, '0')}`).join('')}`
}

/** The same with a position: the text `p` and the last number. */
function page(...numbers: readonly number[]): string {
  const position = numbers.length === 0 ? '' : `35a270${(48 + (numbers.at(-1) ?? 0)).toString(16)}`
  return `8${position === '' ? 1 : 2}30${rows(...numbers)}${position}`
}

async function take(found: AsyncIterable<unknown>): Promise<unknown[]> {
  const taken: unknown[] = []
  for await (const row of found) taken.push(row)
  return taken
}

test('the place to go on goes out as a position or a tuple, and the new one comes beside the tuples', async () => {
  const { client, connection } = await sessionWithPeer()
  const calls = [
    client.select(512, [], { limit: 2, fetchPosition: true, after: 'kQI' }),
    client.select(512, [], { after: [1, 'x'] }),
  ]
  const [byPosition, behindTuple] = await connection.requests(2)
  expect(oracle(byPosition?.body ?? [])).toMatchObject({ 18: 2, 31: true, 46: 'kQI' })
  expect(oracle(behindTuple?.body ?? [])).toMatchObject({ 47: [1, 'x'] })
  connection.write(reply(byPosition?.sync ?? 0, { body: page(1, 2) }))
  connection.write(okReply(behindTuple?.sync ?? 0, rows(3)))
  const [first, second] = await Promise.all(calls)
  expect([[...(first ?? [])], first?.position]).toEqual([[[1], [2]], 'p2'])
  expect([[...(second ?? [])], second?.position]).toEqual([[[3]], undefined])
})

test.each<readonly [Iterator, number]>([
  ['eq', 0],
  ['req', 1],
  ['all', 2],
  ['lt', 3],
  ['le', 4],
  ['ge', 5],
  ['gt', 6],
  ['bitsAllSet', 7],
  ['bitsAnySet', 8],
  ['bitsAllNotSet', 9],
  ['overlaps', 10],
  ['neighbor', 11],
  ['np', 12],
  ['pp', 13],
])('the iterator %s travels as %i', async (iterator, number) => {
  const { client, connection } = await sessionWithPeer()
  client.select(512, 1, { iterator }).catch(() => undefined)
  expect(oracle((await connection.request()).body)).toMatchObject({ 20: number })
})

test('a uuid may be a key by itself', async () => {
  const { client, connection } = await sessionWithPeer()
  client.get(512, Uuid.from('c8f0fa1f-da29-438c-a040-393f1126ad39')).catch(() => undefined)
  expect((await connection.request()).body.toString('hex')).toMatch(/2091d802c8f0fa1fda29438ca040393f1126ad39$/)
})

test('what an older server cannot do is refused before it is sent', async () => {
  const peer = await startPeer()
  const client: Client = await connect({ port: peer.port })
  const connection = await peer.connection()
  const lacks: readonly (readonly [Promise<unknown>, string])[] = [
    [client.select(512, [], { fetchPosition: true }), '2.11'],
    [client.select(512, [], { after: 'kQI' }), '2.11'],
    [client.broadcast('key', 1), '2.10'],
    [client.insertArrow(512, Buffer.alloc(1)), '3.3'],
    [client.call('f', [], { rows: 'object' }), '3.0'],
    [client.execute('SELECT ?', [Uuid.random()]), '2.10'],
  ]
  // The scripted peer greets as 3.8.0, and answers ID as 2.6 does.
  for (const [promise, since] of lacks.slice(0, 5)) {
    await expect(promise).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      sent: false,
      retryable: false,
      message: expect.stringContaining(since) as unknown,
    })
  }
  lacks[5]?.[0].catch(() => undefined)
  expect((await connection.request()).type).toBe(0x0b)
  client.destroy()
})

describe('iterate', () => {
  test('asks for the next page behind the position of the last', async () => {
    const { client, connection } = await sessionWithPeer()
    const taking = take(client.iterate(512, 5, { iterator: 'ge', batch: 2, limit: 5 }))
    const asked: unknown[] = []
    for (const numbers of [[1, 2], [3, 4], [5]]) {
      const { sync, body } = await connection.request()
      const { 0x12: limit, 0x2e: after, 0x20: key, 0x14: iterator } = oracle(body) as Record<number, unknown>
      asked.push([limit, after, key, iterator])
      connection.write(reply(sync, { body: page(...numbers) }))
    }
    expect(await taking).toEqual([[1], [2], [3], [4], [5]])
    expect(asked).toEqual([
      [2, undefined, [5], 5],
      [2, 'p2', [5], 5],
      [1, 'p4', [5], 5],
    ])
  })

  test('asks for nothing before it is read, and for nothing after its end', async () => {
    const { client, connection } = await sessionWithPeer()
    const found = client.iterate(512, [], { batch: 2 })
    expect(client.stats.inFlight).toBe(0)
    const first = found.next()
    connection.write(reply((await connection.request()).sync, { body: page(1, 2) }))
    expect(await first).toEqual({ done: false, value: [1] })
    await found.return()
    expect(await found.next()).toEqual({ done: true, value: undefined })
    const ping = client.ping()
    const { sync, type } = await connection.request()
    expect(type).toBe(0x40)
    connection.write(okReply(sync))
    await ping
  })

  test('ends with the signal, and with the error of a page', async () => {
    const { client, connection } = await sessionWithPeer()
    const controller = new AbortController()
    const aborted = take(client.iterate(512, [], { signal: controller.signal }))
    aborted.catch(() => undefined)
    await connection.request()
    controller.abort('mine')
    await expect(aborted).rejects.toBe('mine')
    await expect(take(client.iterate(512, [], { batch: 0 }))).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    await expect(take(client.iterate(512, [], { limit: -1 }))).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })
})

test.each<readonly [string, (client: Client) => Promise<unknown>]>([
  // Wrong on purpose, as from JavaScript.
  ['rows', (client) => client.select(512, [], { rows: 'map' as 'object' })],
  ['after', (client) => client.select(512, [], { after: 5 as unknown as string })],
  ['iterator', (client) => client.select(512, [], { iterator: 'nope' as Iterator })],
  ['ipc', (client) => client.insertArrow(512, 'bytes' as unknown as Buffer)],
  ['type', (client) => client.request(300, new Map())],
  ['body', (client) => client.request(1, {} as unknown as Map<number, unknown>)],
  ['statement', (client) => client.execute('')],
  ['bind', (client) => client.execute('SELECT 1', 5 as unknown as unknown[])],
])('a wrong `%s` is refused', async (argument, run) => {
  const { client } = await sessionWithPeer()
  await expect(run(client)).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringContaining(argument) as unknown,
  })
})

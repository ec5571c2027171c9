import { once } from 'node:events'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  errorReply,
  okReply,
  type PeerConnection,
  reply,
  type ScriptedPeer,
  startPeer,
} from '../../../../test/helpers/scripted-peer.ts'
import { type Client, connect } from '../../src/client/client.ts'
import type { ConnectOptions } from '../../src/options.ts'

interface Session {
  readonly peer: ScriptedPeer
  readonly client: Client
  /** The connection that a plain request takes, and the one for large replies. */
  readonly main: PeerConnection
  readonly bulk: PeerConnection
}

const BULK = { lane: 'bulk' } as const

async function session(options: ConnectOptions = {}): Promise<Session> {
  const peer = await startPeer()
  const client = await connect({
    reconnect: { minDelayMs: 1, maxDelayMs: 5 },
    ...options,
    port: peer.port,
    bulkLane: true,
  })
  onTestFinished(() => client.destroy())
  const connections = [await peer.connection(), await peer.connection()]
  const calls = [client.call('main'), client.call('bulk', [], BULK)]
  const roles = new Map<string, PeerConnection>()
  // Which of the two came first is not said.
  for (const connection of connections) {
    const { sync, body } = await connection.request()
    roles.set(body.toString('latin1').includes('main') ? 'main' : 'bulk', connection)
    connection.write(okReply(sync))
  }
  await Promise.all(calls)
  const [main, bulk] = [roles.get('main'), roles.get('bulk')]
  if (main === undefined || bulk === undefined) throw new Error('Both requests took the same connection')
  return { peer, client, main, bulk }
}

async function closing({ socket }: PeerConnection): Promise<void> {
  if (!socket.closed) await once(socket, 'close')
}

test('a large reply on its way holds up no other', async () => {
  const { client, main, bulk } = await session()
  const large = client.call('f', [], BULK)
  const reply = okReply((await bulk.request()).sync, '91c3')
  bulk.write(reply.subarray(0, -2))
  const small = client.call('g')
  main.write(okReply((await main.request()).sync, '9107'))
  expect(await small).toEqual([7])
  expect(client.stats).toMatchObject({ inFlight: 1 })
  bulk.write(reply.subarray(-2))
  expect(await large).toEqual([true])
})

test('only what asks for the lane takes it', async () => {
  const { client, main, bulk } = await session()
  const calls = [client.call('f'), client.call('g', [], BULK)]
  main.write(okReply((await main.request()).sync, '9101'))
  bulk.write(okReply((await bulk.request()).sync, '9102'))
  expect(await Promise.all(calls)).toEqual([[1], [2]])
})

test('a prepared statement stays with the session that knows its number', async () => {
  const { client, main } = await session()
  const preparing = client.prepare('SELECT 1')
  // { STMT_ID: 7 }
  main.write(reply((await main.request()).sync, { body: '814307' }))
  const statement = await preparing
  const executing = client.execute(statement, [], BULK)
  main.write(okReply((await main.request()).sync, '90'))
  expect((await executing).rows).toEqual([])
  const unpreparing = statement.unprepare(BULK)
  main.write(okReply((await main.request()).sync))
  await unpreparing
})

test('without the option there is one connection, which takes everything', async () => {
  const peer = await startPeer()
  const client = await connect({ port: peer.port })
  onTestFinished(() => client.destroy())
  const connection = await peer.connection()
  const call = client.call('f', [], BULK)
  connection.write(okReply((await connection.request()).sync, '9107'))
  expect(await call).toEqual([7])
  expect(peer.connections).toBe(1)
})

test('close waits for the replies of both connections', async () => {
  const { client, main, bulk } = await session()
  const calls = [client.call('f'), client.call('g', [], BULK)]
  const syncs = [(await main.request()).sync, (await bulk.request()).sync]
  const closed = client.close()
  main.write(okReply(syncs[0] ?? 0, '9101'))
  await expect(client.call('h', [], BULK)).rejects.toMatchObject({ code: 'CONNECTION_CLOSED', sent: false })
  bulk.write(okReply(syncs[1] ?? 0, '9102'))
  expect(await Promise.all(calls)).toEqual([[1], [2]])
  const ended = Promise.all([main, bulk].map(closing))
  await closed
  await ended
  expect(client.stats).toMatchObject({ inFlight: 0, queued: 0 })
})

test('destroy ends both connections', async () => {
  const { client, main, bulk } = await session()
  const calls = [client.call('f'), client.call('g', [], BULK)]
  await Promise.all([main.request(), bulk.request()])
  client.destroy()
  for (const call of calls) await expect(call).rejects.toMatchObject({ code: 'CONNECTION_CLOSED', sent: true })
})

describe('a loss of the second connection', () => {
  test('is mended by itself, and the first one does not feel it', async () => {
    const { client, main, bulk, peer } = await session()
    const events: string[] = []
    client.on('disconnect', () => events.push('disconnect'))
    const lost = client.call('g', [], BULK)
    await bulk.request()
    bulk.socket.resetAndDestroy()
    await expect(lost).rejects.toMatchObject({ code: 'CONNECTION_LOST', sent: true })
    const waiting = client.call('g', [], BULK)
    const small = client.call('f')
    main.write(okReply((await main.request()).sync, '9101'))
    expect(await small).toEqual([1])
    const next = await peer.connection()
    next.write(okReply((await next.request()).sync, '9102'))
    expect(await waiting).toEqual([2])
    expect(events).toEqual([])
    expect(client.stats.reconnects).toBe(1)
  })

  test('that is for good leaves everything to the first one', async () => {
    const { client, main, bulk } = await session({ reconnect: false })
    bulk.socket.resetAndDestroy()
    const lost = client.call('g', [], BULK).catch((error: unknown) => error)
    await expect(lost).resolves.toMatchObject({ code: 'CONNECTION_LOST' })
    const call = client.call('g', [], BULK)
    main.write(okReply((await main.request()).sync, '9107'))
    expect(await call).toEqual([7])
  })
})

test('the first connect fails if either connection does', async () => {
  const peer = await startPeer({ handshake: false })
  const failed = connect({ port: peer.port, bulkLane: true, user: 'app', password: 'wrong' }).catch(
    (error: unknown) => error,
  )
  const [one, other] = [await peer.connection(), await peer.connection()]
  const [id, auth] = await one.requests(2)
  one.write(Buffer.concat([okReply(id?.sync ?? 0), okReply(auth?.sync ?? 0)]))
  const [, refused] = await other.requests(2)
  other.write(errorReply(refused?.sync ?? 0, 47, 'Incorrect password'))
  expect(await failed).toMatchObject({ code: 'AUTH_FAILED' })
  await Promise.all([one, other].map(closing))
})

import { describe, expect, onTestFinished, test } from 'vitest'
import {
  BEGIN,
  COMMIT,
  event,
  okReply,
  type PeerConnection,
  type ScriptedPeer,
  startPeer,
} from '../../../../test/helpers/scripted-peer.ts'
import { type Client, connect } from '../../src/client/client.ts'
import type { ConnectOptions } from '../../src/options.ts'

/** STREAMS, TRANSACTIONS, WATCHERS. */
const FEATURES = [0, 1, 3]
const STOPPING = event('box.shutdown', 'c3')

interface Session {
  readonly peer: ScriptedPeer
  readonly client: Client
  readonly connection: PeerConnection
  readonly events: string[]
}

async function session(options: ConnectOptions = {}): Promise<Session> {
  const peer = await startPeer({ features: FEATURES })
  const client = await connect({ reconnect: { minDelayMs: 1, maxDelayMs: 5 }, ...options, port: peer.port })
  onTestFinished(() => client.destroy())
  const events: string[] = []
  client.on('shutdown', () => events.push('shutdown'))
  client.on('disconnect', ({ code, sent }) => events.push(`disconnect ${code} ${sent}`))
  client.on('connect', () => events.push('connect'))
  client.on('close', (error) => events.push(`close ${error?.code}`))
  return { peer, client, connection: await peer.connection(), events }
}

/** Tells the client that the server stops; resolves when it has heard. */
async function announce({ client, connection }: Session): Promise<void> {
  const heard = new Promise<void>((resolve) => client.once('shutdown', () => resolve()))
  connection.write(STOPPING)
  await heard
}

function ended(connection: PeerConnection): Promise<unknown> {
  return new Promise((resolve) => connection.socket.once('close', resolve))
}

describe('when the server says that it stops', () => {
  test('a connection with nothing to do is left at once, and the next one is dialed', async () => {
    const here = await session()
    const closed = ended(here.connection)
    await announce(here)
    await closed
    await here.peer.connection()
    expect(here.events.slice(0, 2)).toEqual(['shutdown', 'disconnect CONNECTION_LOST false'])
  })

  test('what was sent is answered, what comes now goes over the next connection', async () => {
    const here = await session()
    const { client, connection, peer, events } = here
    const call = client.call('f')
    const { sync } = await connection.request()
    await announce(here)
    expect(client.status).toBe('reconnecting')
    const waiting = client.call('g')
    expect(client.stats).toMatchObject({ inFlight: 1, queued: 1 })
    const closed = ended(connection)
    connection.write(okReply(sync, '9107'))
    expect(await call).toEqual([7])
    await closed
    const next = await peer.connection()
    const request = await next.request()
    expect(request.body.toString('latin1')).toContain('g')
    next.write(okReply(request.sync, '9108'))
    expect(await waiting).toEqual([8])
    expect(events).toEqual(['shutdown', 'disconnect CONNECTION_LOST false', 'connect'])
    expect(client.stats.reconnects).toBe(1)
  })

  test('a request that nobody waits for any more counts as one that the server still works on', async () => {
    const here = await session()
    const { client, connection } = here
    const call = client.call('f', [], { timeoutMs: 10 })
    const { sync } = await connection.request()
    await expect(call).rejects.toMatchObject({ code: 'REQUEST_TIMEOUT' })
    await announce(here)
    let isLeft = false
    const closed = ended(connection).then(() => (isLeft = true))
    // Time enough for the socket to close, if it did.
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
    expect(isLeft).toBe(false)
    connection.write(okReply(sync, '90'))
    await closed
  })

  test('a transaction that has begun comes to its end; other streams take nothing more', async () => {
    const here = await session()
    const { client, connection } = here
    const other = client.stream()
    const first = other.ping()
    connection.write(okReply((await connection.request()).sync))
    await first
    let next: () => void = () => undefined
    const gate = new Promise<void>((resolve) => (next = resolve))
    const committing = client.begin(async (tx) => {
      await gate
      await tx.call('f')
    })
    const begin = await connection.request()
    expect(begin.type).toBe(BEGIN)
    connection.write(okReply(begin.sync))
    await announce(here)
    await expect(other.ping()).rejects.toMatchObject({ code: 'CONNECTION_LOST', sent: false })
    next()
    const call = await connection.request()
    expect(call.streamId).toBe(begin.streamId)
    connection.write(okReply(call.sync, '90'))
    const commit = await connection.request()
    expect(commit.type).toBe(COMMIT)
    const closed = ended(connection)
    connection.write(okReply(commit.sync))
    await committing
    await closed
  })

  test('a server that breaks off earlier loses what was sent, as ever', async () => {
    const here = await session()
    const call = here.client.call('f')
    await here.connection.request()
    await announce(here)
    here.connection.socket.resetAndDestroy()
    await expect(call).rejects.toMatchObject({ code: 'CONNECTION_LOST', sent: true })
    await here.peer.connection()
  })

  test('close waits for what was sent, and rejects what waits for the next connection', async () => {
    const here = await session()
    const { client, connection, events } = here
    const call = client.call('f')
    const { sync } = await connection.request()
    await announce(here)
    const waiting = client.call('g')
    const closing = client.close()
    connection.write(okReply(sync, '9107'))
    expect(await call).toEqual([7])
    await expect(waiting).rejects.toMatchObject({ code: 'CONNECTION_CLOSED', sent: false })
    await closing
    expect(events).toEqual(['shutdown', 'close undefined'])
  })

  test('close does not wait for a name that is looked up then', async () => {
    const here = await session()
    const { client, connection } = here
    const insert = client.insert('users', [1])
    const view = await connection.request()
    await announce(here)
    const closing = client.close()
    connection.write(okReply(view.sync, '9191cd0200'))
    await closing
    await expect(insert).rejects.toMatchObject({ code: 'CONNECTION_CLOSED', sent: false })
  })

  test('close waits neither for a request that was given up nor for a transaction', async () => {
    const here = await session()
    const { client, connection } = here
    const call = client.call('f', [], { timeoutMs: 10 })
    await connection.request()
    await expect(call).rejects.toMatchObject({ code: 'REQUEST_TIMEOUT' })
    const stream = client.stream()
    const begun = stream.begin()
    connection.write(okReply((await connection.request()).sync))
    await begun
    await announce(here)
    await client.close()
    await expect(stream.commit()).rejects.toMatchObject({ code: 'CONNECTION_CLOSED', sent: false })
  })

  test('destroy ends it at once', async () => {
    const here = await session()
    const call = here.client.call('f')
    await here.connection.request()
    await announce(here)
    here.client.destroy()
    await expect(call).rejects.toMatchObject({ code: 'CONNECTION_CLOSED', sent: true })
  })

  test('a client that does not reconnect closes when all is answered', async () => {
    const here = await session({ reconnect: false })
    const { client, connection, events } = here
    const call = client.call('f')
    const { sync } = await connection.request()
    await announce(here)
    await expect(client.ping()).rejects.toMatchObject({ code: 'CONNECTION_CLOSED', sent: false })
    const closed = new Promise((resolve) => client.once('close', resolve))
    connection.write(okReply(sync, '9107'))
    expect(await call).toEqual([7])
    await closed
    expect(events).toEqual(['shutdown', 'disconnect CONNECTION_LOST false', 'close CONNECTION_LOST'])
  })

  test('who has watched the key and does no longer changes nothing', async () => {
    const here = await session()
    const seen: unknown[] = []
    const subscription = here.client.watch('box.shutdown', (value) => void seen.push(value))
    here.connection.write(event('box.shutdown'))
    await expect(here.connection.watch()).resolves.toMatchObject({ key: 'box.shutdown' })
    await expect(here.connection.watch()).resolves.toMatchObject({ key: 'box.shutdown' })
    subscription.unregister()
    const closed = ended(here.connection)
    await announce(here)
    await closed
    expect(seen).toEqual([undefined])
    expect(here.connection.watchesSeen).toBe(0)
  })
})

import { describe, expect, onTestFinished, test } from 'vitest'
import {
  AUTH,
  errorReply,
  okReply,
  type PeerConnection,
  PING,
  type ScriptedPeer,
  startPeer,
} from '../../../../test/helpers/scripted-peer.ts'
import { type Client, connect } from '../../src/client/client.ts'
import type { ConnectOptions } from '../../src/options.ts'

interface Session {
  readonly peer: ScriptedPeer
  readonly client: Client
  readonly connection: PeerConnection
  /** Events as they came. */
  readonly events: string[]
}

const QUICK = { minDelayMs: 1, maxDelayMs: 5 }

async function session(options: ConnectOptions = {}): Promise<Session> {
  const peer = await startPeer()
  const client = await connect({ reconnect: QUICK, ...options, port: peer.port })
  onTestFinished(() => client.destroy())
  const events: string[] = []
  client.on('connect', () => events.push('connect'))
  client.on('disconnect', (error) => events.push(`disconnect ${error.code}`))
  client.on('close', (error) => events.push(`close ${error?.code ?? ''}`.trim()))
  return { peer, client, connection: await peer.connection(), events }
}

function event(client: Client, name: 'connect' | 'disconnect' | 'close'): Promise<void> {
  return new Promise((resolve) => client.once(name, () => resolve()))
}

describe('when the connection is lost', () => {
  test('requests that were sent reject at once, and are not repeated', async () => {
    const { client, connection, peer, events } = await session()
    const calls = [client.call('f'), client.call('g')]
    await connection.requests(2)
    connection.socket.resetAndDestroy()
    for (const call of calls) {
      await expect(call).rejects.toMatchObject({ code: 'CONNECTION_LOST', sent: true, retryable: false })
    }
    const next = await peer.connection()
    const ping = client.ping()
    const { type, sync } = await next.request()
    expect(type).toBe(PING)
    next.write(okReply(sync))
    await ping
    expect(events).toEqual(['disconnect CONNECTION_LOST', 'connect'])
    expect(client.stats.reconnects).toBe(1)
  })

  // Requirement 36.
  test('requests made meanwhile wait for the next session, in their order', async () => {
    const { client, connection, peer } = await session()
    const gone = event(client, 'disconnect')
    connection.socket.destroy()
    await gone
    expect(client.status).toBe('reconnecting')
    const calls = [client.call('f', [1]), client.call('f', [2]), client.call('f', [3])]
    expect(client.stats.queued).toBe(3)
    const next = await peer.connection()
    const requests = await next.requests(3)
    expect(requests.map(({ body }) => body.at(-1))).toEqual([1, 2, 3])
    for (const [i, { sync }] of requests.entries()) next.write(okReply(sync, `910${i + 1}`))
    expect(await Promise.all(calls)).toEqual([[1], [2], [3]])
  })

  test('requests of which no byte has left go over the next connection', async () => {
    const { client, connection, peer } = await session()
    connection.socket.pause()
    // The first fills what the kernel takes; the second stays in the client.
    const sent = client.call('f', [Buffer.alloc(32 << 20)])
    await new Promise(setImmediate)
    const unsent = client.call('g', [7])
    await new Promise(setImmediate)
    connection.socket.resetAndDestroy()
    await expect(sent).rejects.toMatchObject({ code: 'CONNECTION_LOST', sent: true })
    const next = await peer.connection()
    const { sync, body } = await next.request()
    expect(body.at(-1)).toBe(7)
    next.write(okReply(sync, '9107'))
    expect(await unsent).toEqual([7])
  })

  test('what the server said at last is in every rejection', async () => {
    const { client, connection } = await session()
    const call = client.call('f')
    await connection.request()
    connection.socket.end(errorReply(0, 20, 'Invalid MsgPack - packet length'))
    await expect(call).rejects.toMatchObject({
      code: 'CONNECTION_LOST',
      message: expect.stringContaining('Invalid MsgPack - packet length') as unknown,
      cause: { code: 'ER_INVALID_MSGPACK' },
    })
  })

  // Requirement 30.
  test('an abort, a reply and the loss settle a request once', async () => {
    const { client, connection } = await session()
    const controller = new AbortController()
    const call = client.call('f', [], { signal: controller.signal })
    await connection.request()
    controller.abort('mine')
    connection.socket.resetAndDestroy()
    await expect(call).rejects.toBe('mine')
    await event(client, 'connect')
    expect(client.stats).toMatchObject({ inFlight: 0, queued: 0 })
  })

  test('for bytes that make no sense, the cause says so', async () => {
    const { client, connection } = await session()
    const call = client.call('f')
    await connection.request()
    connection.write('c1c1c1c1c1c1')
    await expect(call).rejects.toMatchObject({
      code: 'CONNECTION_LOST',
      sent: true,
      message: expect.stringContaining('cannot begin with the byte 0xc1') as unknown,
    })
  })

  test('for a reply above the limit, the cause says so', async () => {
    const { client, connection } = await session({ maxFrameBytes: 4096 })
    const call = client.call('f')
    await connection.request()
    connection.write('ce00001001')
    await expect(call).rejects.toMatchObject({ code: 'CONNECTION_LOST', cause: { code: 'FRAME_TOO_LARGE' } })
  })

  test('a peer that answers no ping is given up', async () => {
    const { client, connection, events } = await session({ pingIntervalMs: 20 })
    const call = client.call('f')
    await connection.request()
    expect((await connection.request()).type).toBe(PING)
    await expect(call).rejects.toMatchObject({
      code: 'CONNECTION_LOST',
      message: expect.stringContaining('no answer to a ping within 20 ms') as unknown,
    })
    await event(client, 'connect')
    expect(events).toEqual(['disconnect CONNECTION_LOST', 'connect'])
  })

  test('a peer that answers pings is kept', async () => {
    const { connection, events, client } = await session({ pingIntervalMs: 10 })
    for (let i = 0; i < 5; i++) connection.write(okReply((await connection.request()).sync))
    expect(events).toEqual([])
    expect(client.status).toBe('connected')
  })

  test('a listener that throws stops nothing', async () => {
    const { client, connection, peer } = await session()
    const thrown = new Promise((resolve) => {
      const listeners = process.listeners('uncaughtException')
      process.removeAllListeners('uncaughtException')
      process.once('uncaughtException', (error) => {
        for (const listener of listeners) process.on('uncaughtException', listener)
        resolve(error)
      })
    })
    const mistake = new Error('of the listener')
    client.once('disconnect', () => {
      throw mistake
    })
    connection.socket.destroy()
    expect(await thrown).toBe(mistake)
    await peer.connection()
  })
})

describe('while the connection is down', () => {
  async function down(options: ConnectOptions = {}): Promise<Session> {
    const made = await session({ reconnect: { minDelayMs: 60_000, maxDelayMs: 60_000 }, ...options })
    const gone = event(made.client, 'disconnect')
    made.connection.socket.destroy()
    await gone
    return made
  }

  test('a request keeps its deadline', async () => {
    const { client } = await down()
    await expect(client.call('f', [], { timeoutMs: 10 })).rejects.toMatchObject({
      code: 'REQUEST_TIMEOUT',
      sent: false,
      retryable: true,
    })
    expect(client.stats.queued).toBe(0)
  })

  test('an abort takes a request out of the queue', async () => {
    const { client } = await down()
    const controller = new AbortController()
    const call = client.call('f', [], { signal: controller.signal })
    controller.abort('mine')
    await expect(call).rejects.toBe('mine')
    expect(client.stats.queued).toBe(0)
  })

  test('the queue has a bound', async () => {
    const { client } = await down({ offlineQueue: { max: 2 } })
    const waiting = [client.ping(), client.ping()]
    await expect(client.ping()).rejects.toMatchObject({ code: 'OVERLOADED', retryable: true, sent: false })
    client.destroy()
    await Promise.allSettled(waiting)
  })

  test('requests reject at once where the queue is switched off', async () => {
    const { client } = await down({ offlineQueue: false })
    await expect(client.ping()).rejects.toMatchObject({ code: 'CONNECTION_LOST', retryable: true, sent: false })
  })

  test('close rejects what waits, and the client is closed', async () => {
    const { client, events } = await down()
    const call = client.call('f')
    await client.close()
    await expect(call).rejects.toMatchObject({ code: 'CONNECTION_CLOSED', sent: false })
    expect(client.status).toBe('closed')
    expect(events).toEqual(['disconnect CONNECTION_LOST', 'close'])
  })
})

describe('reconnecting', () => {
  test('goes on while nobody listens, and the count of tries begins anew after each session', async () => {
    const { client, connection, peer, events } = await session({ reconnect: { ...QUICK, attempts: 50 } })
    await peer.stopListening()
    connection.socket.destroy()
    await event(client, 'disconnect')
    const call = client.call('f')
    await peer.listen()
    const next = await peer.connection()
    next.write(okReply((await next.request()).sync, '9107'))
    expect(await call).toEqual([7])
    expect(events).toEqual(['disconnect CONNECTION_LOST', 'connect'])
  })

  test('ends after its number of tries, and what waits is rejected', async () => {
    const { client, connection, peer, events } = await session({ reconnect: { ...QUICK, attempts: 2 } })
    await peer.stopListening()
    const closed = event(client, 'close')
    connection.socket.destroy()
    await event(client, 'disconnect')
    const call = client.call('f')
    await expect(call).rejects.toMatchObject({ code: 'CONNECT_FAILED', sent: false })
    await closed
    expect(events).toEqual(['disconnect CONNECTION_LOST', 'close CONNECT_FAILED'])
    await expect(client.ping()).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' })
  })

  test('ends at once when the password is refused', async () => {
    const peer = await startPeer({ handshake: false })
    const opening = connect({ port: peer.port, user: 'app', password: 'x', reconnect: QUICK })
    const first = await peer.connection()
    for (const { sync } of await first.requests(2)) first.write(okReply(sync))
    const client = await opening
    onTestFinished(() => client.destroy())
    const closed = event(client, 'close')
    first.socket.destroy()
    const second = await peer.connection()
    for (const { sync, type } of await second.requests(2)) {
      second.write(type === AUTH ? errorReply(sync, 47, 'Incorrect password') : okReply(sync))
    }
    await closed
    expect(peer.connections).toBe(2)
    expect(client.status).toBe('closed')
  })

  test('is not tried where it is switched off', async () => {
    const { client, connection, peer, events } = await session({ reconnect: false })
    const closed = event(client, 'close')
    connection.socket.destroy()
    await closed
    expect(events).toEqual(['disconnect CONNECTION_LOST', 'close CONNECTION_LOST'])
    expect(peer.connections).toBe(1)
    expect(client.status).toBe('closed')
  })

  test('lets a listener of `connect` make its requests before those that waited', async () => {
    const { client, connection, peer } = await session()
    const gone = event(client, 'disconnect')
    connection.socket.destroy()
    await gone
    const waiting = client.call('waiting')
    client.once('connect', () => void client.call('first').catch(() => undefined))
    const next = await peer.connection()
    const [first, second] = await next.requests(2)
    expect(first?.body.toString('latin1')).toContain('first')
    next.write(okReply(second?.sync ?? 0))
    await waiting
  })
})

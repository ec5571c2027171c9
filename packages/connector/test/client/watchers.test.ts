import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { deferred } from '../../../../test/helpers/deferred.ts'
import { readRecording } from '../../../../test/helpers/recorded.ts'
import {
  event,
  okReply,
  type PeerConnection,
  type ScriptedPeer,
  startPeer,
  UNWATCH,
  WATCH,
} from '../../../../test/helpers/scripted-peer.ts'
import { type Client, connect } from '../../src/client/client.ts'
import type { ConnectOptions } from '../../src/options.ts'

/** WATCHERS, WATCH_ONCE. */
const WATCHERS = [3, 6]

interface Session {
  readonly peer: ScriptedPeer
  readonly client: Client
  readonly connection: PeerConnection
}

async function session(options: ConnectOptions = {}, features: readonly number[] = WATCHERS): Promise<Session> {
  const peer = await startPeer({ features })
  const client = await connect({ reconnect: { minDelayMs: 1, maxDelayMs: 5 }, ...options, port: peer.port })
  onTestFinished(() => client.destroy())
  const connection = await peer.connection()
  if (features.includes(3)) expect(await connection.watch()).toEqual({ type: WATCH, key: 'box.shutdown' })
  return { peer, client, connection }
}

/** Resolves when all that the peer has written before was handled, and all that came of it has been sent. */
async function settled({ client, connection }: Session): Promise<void> {
  const ping = client.ping()
  connection.write(okReply((await connection.request()).sync))
  await ping
  const answer = client.ping()
  connection.write(okReply((await connection.request()).sync))
  await answer
}

/** The next WATCH or UNWATCH is of this type and key. */
async function expectWatch(connection: PeerConnection, type: number, key = 'k'): Promise<void> {
  expect(await connection.watch()).toEqual({ type, key })
}

/** What surfaces as uncaught, out of the test's way. */
function uncaught(): unknown[] {
  const errors: unknown[] = []
  const queue = vi.spyOn(globalThis, 'queueMicrotask').mockImplementation((task) => {
    void Promise.resolve()
      .then(task)
      .catch((error: unknown) => errors.push(error))
  })
  onTestFinished(() => queue.mockRestore())
  return errors
}

describe('a watched key', () => {
  test('is acknowledged when its callback is done, and not before', async () => {
    const here = await session()
    const { client, connection } = here
    const gate = deferred()
    const seen: unknown[] = []
    client.watch('k', async (value) => {
      seen.push(value)
      await gate.promise
    })
    await expectWatch(connection, WATCH)
    connection.write(event('k', '01'))
    await settled(here)
    expect(connection.watchesSeen).toBe(0)
    gate.resolve()
    await expectWatch(connection, WATCH)
    connection.write(event('k', '02'))
    await expectWatch(connection, WATCH)
    connection.write(event('k'))
    await expectWatch(connection, WATCH)
    expect(seen).toEqual([1, 2, undefined])
  })

  test('has one subscription for any number of watchers, each of whom gets its value first', async () => {
    const here = await session()
    const { client, connection } = here
    const seen: string[] = []
    const first = client.watch('k', (value) => void seen.push(`first ${String(value)}`))
    await expectWatch(connection, WATCH)
    connection.write(event('k', '01'))
    await expectWatch(connection, WATCH)
    const second = client.watch('k', (value) => void seen.push(`second ${String(value)}`))
    expect(seen).toEqual(['first 1'])
    await settled(here)
    expect(seen).toEqual(['first 1', 'second 1'])
    connection.write(event('k', '02'))
    await expectWatch(connection, WATCH)
    expect(seen.slice(2)).toEqual(['first 2', 'second 2'])
    first.unregister()
    first.unregister()
    second[Symbol.dispose]()
    await expectWatch(connection, UNWATCH)
    await settled(here)
    expect(connection.watchesSeen).toBe(0)
  })

  test('is acknowledged by the quickest watcher; a slow one gets the latest value when it is done', async () => {
    const { client, connection } = await session()
    const gate = deferred()
    const [quick, slow]: [unknown[], unknown[]] = [[], []]
    client.watch('k', async (value) => {
      slow.push(value)
      await gate.promise
    })
    client.watch('k', (value) => void quick.push(value))
    await expectWatch(connection, WATCH)
    for (const value of ['01', '02', '03']) {
      connection.write(event('k', value))
      await expectWatch(connection, WATCH)
    }
    expect([quick, slow]).toEqual([[1, 2, 3], [1]])
    gate.resolve()
    await vi.waitFor(() => expect(slow).toEqual([1, 3]))
  })

  test('calls nobody after unregister: not for an event under way, and not for one that waits', async () => {
    const here = await session()
    const { client, connection } = here
    const gate = deferred()
    const seen: unknown[] = []
    const subscription = client.watch('k', async (value) => {
      seen.push(value)
      await gate.promise
    })
    await expectWatch(connection, WATCH)
    connection.write(Buffer.concat([event('k', '01'), event('k', '02')]))
    await settled(here)
    subscription.unregister()
    await expectWatch(connection, UNWATCH)
    connection.write(event('k', '03'))
    gate.resolve()
    await settled(here)
    expect(seen).toEqual([1])
    expect(connection.watchesSeen).toBe(0)
  })

  test('is not acknowledged by a callback that ends after unregister, which would subscribe again', async () => {
    const here = await session()
    const { client, connection } = here
    const gate = deferred()
    const subscription = client.watch('k', () => gate.promise)
    await expectWatch(connection, WATCH)
    connection.write(event('k', '01'))
    await settled(here)
    subscription.unregister()
    await expectWatch(connection, UNWATCH)
    gate.resolve()
    await settled(here)
    expect(connection.watchesSeen).toBe(0)
  })

  test('may be unregistered by its own callback, and by another one of the same event', async () => {
    const here = await session()
    const { client, connection } = here
    const seen: string[] = []
    const first = client.watch('k', () => {
      seen.push('first')
      first.unregister()
      second.unregister()
    })
    const second = client.watch('k', () => void seen.push('second'))
    await expectWatch(connection, WATCH)
    connection.write(event('k', '01'))
    await expectWatch(connection, UNWATCH)
    await settled(here)
    expect(seen).toEqual(['first'])
  })

  test('goes on after a callback that throws or rejects, whose error surfaces', async () => {
    const errors = uncaught()
    const { client, connection } = await session()
    const seen: unknown[] = []
    client.watch('k', () => {
      throw new Error('thrown')
    })
    client.watch('k', () => Promise.reject(new Error('rejected')))
    client.watch('k', (value) => void seen.push(value))
    await expectWatch(connection, WATCH)
    connection.write(event('k', '01'))
    await expectWatch(connection, WATCH)
    connection.write(event('k', '02'))
    await expectWatch(connection, WATCH)
    expect(seen).toEqual([1, 2])
    expect(errors.map(String).sort()).toEqual(['Error: rejected', 'Error: rejected', 'Error: thrown', 'Error: thrown'])
  })

  test('of which a value cannot be decoded tells that, and goes on', async () => {
    const errors = uncaught()
    const { client, connection } = await session()
    const seen: unknown[] = []
    client.watch('k', (value) => void seen.push(value))
    await expectWatch(connection, WATCH)
    connection.write(event('k', 'c1'))
    await expectWatch(connection, WATCH)
    connection.write(event('k', '02'))
    await expectWatch(connection, WATCH)
    expect(errors).toEqual([expect.objectContaining({ code: 'DECODE_FAILED' })])
    expect(seen).toEqual([2])
  })

  test('is subscribed to again after a reconnect, and tells its value again', async () => {
    const { client, connection, peer } = await session()
    const seen: unknown[] = []
    client.watch('k', (value) => void seen.push(value))
    await expectWatch(connection, WATCH)
    connection.write(event('k', '01'))
    await expectWatch(connection, WATCH)
    connection.socket.destroy()
    const next = await peer.connection()
    await expectWatch(next, WATCH, 'box.shutdown')
    await expectWatch(next, WATCH)
    next.write(event('k', '01'))
    await expectWatch(next, WATCH)
    expect(seen).toEqual([1, 1])
  })

  test('that is watched while the connection is down is subscribed to when it is back', async () => {
    const { client, connection, peer } = await session()
    const gone = new Promise((resolve) => client.once('disconnect', resolve))
    connection.socket.destroy()
    await gone
    const value = new Promise((resolve) => client.watch('k', resolve))
    const next = await peer.connection()
    await expectWatch(next, WATCH, 'box.shutdown')
    await expectWatch(next, WATCH)
    next.write(event('k', '07'))
    expect(await value).toBe(7)
  })

  test('is refused by a server without watchers before anything is sent, by a closed client, and for a wrong argument', async () => {
    const { client } = await session({}, [0, 1])
    const sent = client.stats.bytesOut
    expect(() => client.watch('k', () => undefined)).toThrow(
      expect.objectContaining({ code: 'UNSUPPORTED', message: expect.stringContaining('since 2.10') as unknown }),
    )
    await expect(client.watchOnce('k')).rejects.toMatchObject({ code: 'UNSUPPORTED', sent: false })
    expect(client.stats.bytesOut).toBe(sent)
    const other = await session()
    expect(() => other.client.watch('', () => undefined)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
    expect(() => other.client.watch('k', undefined as never)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    )
    await other.client.close()
    expect(() => other.client.watch('k', () => undefined)).toThrow(
      expect.objectContaining({ code: 'CONNECTION_CLOSED' }),
    )
  })

  test('is asked for once with what the recorded request holds', async () => {
    const { client, connection } = await session()
    const once = client.watchOnce('box.status')
    const { type, body, sync } = await connection.request()
    const recorded = readRecording('3.8.0').requests.find(({ request }) => request === 'WATCH_ONCE')
    expect(type).toBe(recorded?.header[0])
    expect(recorded?.bytes.endsWith(body.toString('hex'))).toBe(true)
    connection.write(okReply(sync, '9107'))
    expect(await once).toBe(7)
    const none = client.watchOnce('k')
    connection.write(okReply((await connection.request()).sync, '90'))
    expect(await none).toBeUndefined()
  })
})

describe('events', () => {
  test('subscribe at the first value asked for, keep the latest only, and end with break', async () => {
    const here = await session()
    const { client, connection } = here
    const values = client.events<number>('k')
    await settled(here)
    expect(connection.watchesSeen).toBe(0)
    const seen: number[] = []
    const reading = (async () => {
      for await (const value of values) {
        seen.push(value)
        if (value === 1) {
          for (const later of ['02', '03', '04']) {
            connection.write(event('k', later))
            await expectWatch(connection, WATCH)
          }
        } else break
      }
    })()
    await expectWatch(connection, WATCH)
    connection.write(event('k', '01'))
    await expectWatch(connection, WATCH)
    await reading
    expect(seen).toEqual([1, 4])
    await expectWatch(connection, UNWATCH)
    expect(await values.next()).toEqual({ value: undefined, done: true })
  })

  test('throw what the signal aborts with, once, and stop', async () => {
    const { client, connection } = await session()
    const controller = new AbortController()
    const values = client.events('k', { signal: controller.signal })
    const next = values.next()
    await expectWatch(connection, WATCH)
    controller.abort('mine')
    await expect(next).rejects.toBe('mine')
    await expectWatch(connection, UNWATCH)
    expect(await values.next()).toEqual({ value: undefined, done: true })
    await expect(client.events('k', { signal: AbortSignal.abort('before') }).next()).rejects.toBe('before')
  })

  test('end when the client is closed, with its error if there is one', async () => {
    const { client } = await session()
    const next = client.events('k').next()
    await client.close()
    expect(await next).toEqual({ value: undefined, done: true })
    const other = await session({ reconnect: false })
    const waiting = other.client.events('k').next()
    await expectWatch(other.connection, WATCH)
    other.connection.socket.destroy()
    await expect(waiting).rejects.toMatchObject({ code: 'CONNECTION_LOST' })
  })

  test('serve several that ask at once in their order, and all of them end with return', async () => {
    const { client, connection } = await session()
    const values = client.events('k')
    const [first, second] = [values.next(), values.next()]
    await expectWatch(connection, WATCH)
    connection.write(event('k', '01'))
    expect(await first).toEqual({ value: 1, done: false })
    expect(await values.return()).toEqual({ value: undefined, done: true })
    expect(await second).toEqual({ value: undefined, done: true })
  })
})

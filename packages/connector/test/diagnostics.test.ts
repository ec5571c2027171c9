import { AsyncLocalStorage } from 'node:async_hooks'
import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { type Client, connect } from '../src/client/client.ts'
import type { RequestMessage } from '../src/diagnostics.ts'
import { FakeServer, serverError } from '../src/testing.ts'

const EVENTS = ['start', 'end', 'error', 'asyncStart', 'asyncEnd'] as const

/** What a tracing channel has told, as the name of the event and a copy of the message at that time. */
function record(name: string): (readonly [event: string, message: Record<string, unknown>])[] {
  const seen: (readonly [string, Record<string, unknown>])[] = []
  for (const event of EVENTS) {
    const listener = (message: unknown) => void seen.push([event, { ...(message as object) }])
    listenTo(`tracing:${name}:${event}`, listener)
  }
  return seen
}

function listenTo(name: string, listener: (message: unknown) => void): void {
  subscribe(name, listener)
  onTestFinished(() => void unsubscribe(name, listener))
}

const ADDRESS = { host: '127.0.0.1', port: 3301 }

/** The test runner's own listeners would fail the run. What it returns removes all others, and gives them back. */
function takeListeners(...events: string[]): () => void {
  // Its overloads take known names alone.
  const taken = events.map((event) => [event, process.listeners(event as 'exit')] as const)
  for (const event of events) process.removeAllListeners(event)
  return () => {
    for (const [event, listeners] of taken) {
      process.removeAllListeners(event)
      for (const listener of listeners) process.on(event, listener)
    }
  }
}

describe('tarantella:request', () => {
  test('tells of a request from its call until its reply, once each', async () => {
    const client = await new FakeServer().onCall('f', () => [1]).connect()
    const seen = record('tarantella:request')
    const promise = client.call('f', ['secret'])
    expect(seen.map(([event]) => event)).toEqual(['start', 'end'])
    await promise
    expect(seen.map(([event]) => event)).toEqual(['start', 'end', 'asyncStart', 'asyncEnd'])
    expect(seen[0]?.[1]).toEqual({
      operation: 'call',
      space: undefined,
      functionName: 'f',
      address: ADDRESS,
      sync: 0,
    })
    expect(seen.at(-1)?.[1]['sync']).toBeGreaterThan(0)
    await client.close()
  })

  test.each([
    ['select', 'users', (client: Client) => client.get('users', ['secret'])],
    ['replace', 512, (client: Client) => client.replace(512, ['secret'])],
    ['eval', undefined, (client: Client) => client.eval('return "secret"', ['secret'])],
    ['ping', undefined, (client: Client) => client.ping()],
  ] as const)('of a %s names its space, and holds none of what is sent or received', async (operation, space, send) => {
    const server = new FakeServer().onSpace('users', { select: () => [['secret']] }).onSpace(512, {})
    const client = await server.onRequest('eval', () => ['secret']).connect({ user: 'app', password: 'secret' })
    const seen = record('tarantella:request')
    await send(client)
    expect(seen).toHaveLength(4)
    for (const [, message] of seen) expect(message).toMatchObject({ operation, space, functionName: undefined })
    expect(JSON.stringify(seen)).not.toContain('secret')
    await client.close()
  })

  test('tells the error before the end, and the caller gets the same one', async () => {
    const error = serverError('ER_READONLY', 'read-only')
    const client = await new FakeServer().onCall('f', () => Promise.reject(error)).connect()
    const seen = record('tarantella:request')
    const caught: unknown = await client.call('f').catch((reason: unknown) => reason)
    expect(seen.map(([event]) => event)).toEqual(['start', 'end', 'error', 'asyncStart', 'asyncEnd'])
    expect(caught).toMatchObject({ code: 'ER_READONLY' })
    expect(seen.slice(2).every(([, message]) => message['error'] === caught)).toBe(true)
    await client.close()
  })

  test('leaves a rejection that nobody handles to the runtime', async () => {
    const client = await new FakeServer().connect()
    record('tarantella:request')
    const giveBack = takeListeners('unhandledRejection', 'uncaughtException')
    // Of the process that takes such a rejection for an exception first.
    process.once('uncaughtException', () => undefined)
    const unhandled = once(process, 'unhandledRejection')
    void client.call('unknown')
    const [reason] = await unhandled
    giveBack()
    expect(reason).toMatchObject({ code: 'ER_NO_SUCH_PROC' })
    await client.close()
  })

  test('tells nothing of a wrong argument, which never becomes a request', async () => {
    const client = await new FakeServer().connect()
    const seen = record('tarantella:request')
    await expect(client.select('users', [], { limit: -1 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    expect(seen).toEqual([])
    await client.close()
  })

  test('runs the request within the stores that are bound to its start', async () => {
    const store = new AsyncLocalStorage<unknown>()
    const { start } = tracingChannel<unknown, RequestMessage>('tarantella:request')
    start.bindStore(store, ({ operation }: RequestMessage) => `span of ${operation}`)
    onTestFinished(() => void start.unbindStore(store))
    const seen: unknown[] = []
    const server = new FakeServer()
    const client = await server.connect()
    // Arguments are encoded within the call.
    const argument = {
      get field() {
        return seen.push(store.getStore())
      },
    }
    server.onCall('f', () => [])
    await client.call('f', [argument])
    expect([...new Set(seen)]).toEqual(['span of call'])
    expect(store.getStore()).toBeUndefined()
    await client.close()
  })
})

describe('tarantella:connect', () => {
  test('tells of each try, and whether it is a reconnect', async () => {
    const seen = record('tarantella:connect')
    const server = new FakeServer()
    const client = await server.connect({ user: 'app', password: 'secret' })
    expect(seen.map(([event]) => event)).toEqual(['start', 'end', 'asyncStart', 'asyncEnd'])
    expect(seen[0]?.[1]).toEqual({ address: ADDRESS, user: 'app', isReconnect: false })
    server.disconnect()
    await client.ping()
    expect(seen.slice(4).map(([event]) => event)).toEqual(['start', 'end', 'asyncStart', 'asyncEnd'])
    expect(seen[4]?.[1]).toMatchObject({ isReconnect: true })
    expect(JSON.stringify(seen)).not.toContain('secret')
    await client.close()
  })

  test('tells why a try has failed', async () => {
    const seen = record('tarantella:connect')
    await expect(connect({ path: '/nowhere/tarantool.sock' })).rejects.toMatchObject({ code: 'CONNECT_FAILED' })
    expect(seen.map(([event]) => event)).toEqual(['start', 'end', 'error', 'asyncStart', 'asyncEnd'])
    expect(seen[2]?.[1]).toMatchObject({
      address: { path: '/nowhere/tarantool.sock' },
      error: { code: 'CONNECT_FAILED' },
    })
  })
})

test('tarantella:disconnect tells of a loss, not of a close', async () => {
  const seen: unknown[] = []
  const listener = (message: unknown) => void seen.push(message)
  listenTo('tarantella:disconnect', listener)
  const server = new FakeServer()
  const client = await server.connect()
  server.disconnect()
  await client.ping()
  await client.close()
  expect(seen).toEqual([{ address: ADDRESS, error: expect.objectContaining({ code: 'CONNECTION_LOST' }) }])
})

test('who does not listen is not asked for a message', async () => {
  const { requestChannel } = await import('../src/diagnostics.ts')
  const publish = vi.spyOn(requestChannel.start, 'runStores')
  const client = await new FakeServer().connect()
  await client.ping()
  expect(publish).not.toHaveBeenCalled()
  publish.mockRestore()
  const seen = record('tarantella:request')
  await client.ping()
  expect(seen).toHaveLength(4)
  await client.close()
})

import { decode as oracle } from '@msgpack/msgpack'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { readRecording } from '../../../../test/helpers/recorded.ts'
import {
  errorReply,
  okReply,
  type PeerConnection,
  PING,
  reply,
  type ScriptedPeer,
  startPeer,
} from '../../../../test/helpers/scripted-peer.ts'
import { type Client, connect } from '../../src/client/client.ts'
import type { ConnectOptions } from '../../src/options.ts'

interface Session {
  readonly peer: ScriptedPeer
  readonly client: Client
  readonly connection: PeerConnection
}

async function session(options: ConnectOptions = {}): Promise<Session> {
  const peer = await startPeer()
  const client = await connect({ ...options, port: peer.port })
  onTestFinished(() => client.destroy())
  return { peer, client, connection: await peer.connection() }
}

describe('a request', () => {
  // What our request holds must be what net.box's recorded one of the same meaning holds.
  const recorded = readRecording('3.8.0').requests
  const tuple = [100, 'Zoë', 33]
  const cases: readonly (readonly [name: string, run: (client: Client) => Promise<unknown>])[] = [
    ['SELECT', (client) => client.select(512, [3])],
    ['INSERT', (client) => client.insert(512, tuple)],
    ['REPLACE', (client) => client.replace(512, [100, 'Zoë2', null])],
    ['DELETE', (client) => client.delete(512, 100)],
    ['EVAL', (client) => client.eval('return ...', [1, [2]])],
    ['CALL', (client) => client.call('get_tuple', [1])],
  ]
  test.each(cases)('%s holds what the recorded one holds', async (name, run) => {
    const { client, connection } = await session()
    run(client).catch(() => undefined)
    const { type, body } = await connection.request()
    const ours = JSON.parse(JSON.stringify(oracle(body)))
    const same = recorded.filter(({ request, body: theirs }) => {
      if (request !== name) return false
      // TUPLE_FORMATS says that arguments may hold MP_TUPLE; ours do not.
      const meant = Object.entries(theirs ?? {}).filter(([key]) => key !== '96')
      return JSON.stringify(meant) === JSON.stringify(Object.entries(ours as object))
    })
    expect(same.map(({ header }) => header[0])).toContain(type)
  })

  test('UPDATE and UPSERT count fields from 0 and carry their operations in their own keys', async () => {
    const { client, connection } = await session()
    client
      .update(
        512,
        [1],
        [
          ['=', 1, 'x'],
          [':', 1, 0, 1, 'y'],
        ],
        { index: 1 },
      )
      .catch(() => undefined)
    client.upsert(512, [1, 2], [['+', 1, 1]]).catch(() => undefined)
    const [update, upsert] = await connection.requests(2)
    expect(update?.type).toBe(0x04)
    expect(oracle(update?.body ?? [])).toEqual({
      16: 512,
      17: 1,
      32: [1],
      33: [
        ['=', 1, 'x'],
        [':', 1, 0, 1, 'y'],
      ],
    })
    expect(upsert?.type).toBe(0x09)
    expect(oracle(upsert?.body ?? [])).toEqual({ 16: 512, 33: [1, 2], 40: [['+', 1, 1]] })
  })

  test('select takes index, iterator, limit and offset', async () => {
    const { client, connection } = await session()
    client.select(512, ['a', 2], { index: 3, iterator: 'ge', limit: 5, offset: 6 }).catch(() => undefined)
    client.select(512).catch(() => undefined)
    const [some, all] = await connection.requests(2)
    expect(oracle(some?.body ?? [])).toEqual({ 16: 512, 17: 3, 18: 5, 19: 6, 20: 5, 32: ['a', 2] })
    expect(oracle(all?.body ?? [])).toEqual({ 16: 512, 17: 0, 18: 0xffff_ffff, 19: 0, 20: 2, 32: [] })
  })

  test('leaves at the latest at the end of the turn, with all others of the turn', async () => {
    const { client, connection } = await session()
    const before = client.stats.socketWrites
    const pings = Array.from({ length: 1000 }, () => client.ping())
    for (const { sync } of await connection.requests(1000)) connection.write(okReply(sync))
    await Promise.all(pings)
    expect(client.stats.socketWrites - before).toBe(1)
  })

  test('that cannot be encoded leaves no byte behind, and those around it go', async () => {
    const { client, connection } = await session()
    const pings = [client.ping(), client.call('f', [() => 1]), client.ping()]
    await expect(pings[1]).rejects.toMatchObject({
      code: 'ENCODE_FAILED',
      message: expect.stringContaining('args[0]') as unknown,
    })
    for (const { sync, type } of await connection.requests(2)) {
      expect(type).toBe(PING)
      connection.write(okReply(sync))
    }
    await Promise.all([pings[0], pings[2]])
  })

  test('above the limit rejects, and the client goes on', async () => {
    const { client, connection } = await session({ maxFrameBytes: 2000 })
    await expect(client.call('f', ['x'.repeat(2000)])).rejects.toMatchObject({ code: 'REQUEST_TOO_LARGE', sent: false })
    const ping = client.ping()
    connection.write(okReply((await connection.request()).sync))
    await ping
  })

  test('that a getter makes while another is encoded is refused, and harms neither', async () => {
    const { client, connection } = await session()
    let inner: Promise<unknown> = Promise.resolve()
    const value = {
      get a(): number {
        inner = client.ping()
        inner.catch(() => undefined)
        return 1
      },
    }
    const outer = client.call('f', [value])
    await expect(inner).rejects.toMatchObject({ code: 'ENCODE_FAILED' })
    const { sync, body } = await connection.request()
    expect(oracle(body)).toEqual({ 34: 'f', 33: [{ a: 1 }] })
    connection.write(okReply(sync, '9107'))
    expect(await outer).toEqual([7])
  })

  test.each<[name: string, run: (client: Client) => Promise<unknown>]>([
    ['no space', (client) => client.select('')],
    ['a tuple that is none', (client) => client.insert(512, 1 as never)],
    ['a key that is an object', (client) => client.get(512, {} as never)],
    ['an unknown iterator', (client) => client.select(512, [], { iterator: 'GE' as never })],
    ['a limit below 0', (client) => client.select(512, [], { limit: -1 })],
    ['arguments that are no array', (client) => client.call('f', 'x' as never)],
    ['a time limit of 0', (client) => client.ping({ timeoutMs: 0 })],
  ])('with %s rejects and does not throw', async (_name, run) => {
    const { client } = await session()
    await expect(run(client)).rejects.toMatchObject({ name: 'UsageError', code: 'INVALID_ARGUMENT', sent: false })
  })
})

describe('a reply', () => {
  test('finds its request in any order, cut at any place', async () => {
    const { client, connection } = await session()
    const calls = Array.from({ length: 50 }, (_, i) => client.call('f', [i]))
    const requests = await connection.requests(50)
    const replies = Buffer.concat(
      requests.map(({ sync }, i) => okReply(sync, `91${i.toString(16).padStart(2, '0')}`)).reverse(),
    )
    for (let at = 0; at < replies.length; at += 37) {
      connection.write(replies.subarray(at, at + 37))
      await new Promise(setImmediate)
    }
    expect(await Promise.all(calls)).toEqual(calls.map((_, i) => [i]))
  })

  test('does not hold up requests that are made while it is half there', async () => {
    const { client, connection } = await session()
    const first = client.call('f')
    const { sync } = await connection.request()
    const bytes = okReply(sync, '9101')
    connection.write(bytes.subarray(0, 20))
    const second = client.call('g')
    const next = await connection.request()
    connection.write(bytes.subarray(20))
    connection.write(okReply(next.sync, '9102'))
    expect(await Promise.all([first, second])).toEqual([[1], [2]])
  })

  // Requirement 35.
  test('that nobody asked for is dropped and counted', async () => {
    const { client, connection } = await session()
    const ping = client.call('f')
    const { sync } = await connection.request()
    connection.write(
      Buffer.concat([okReply(sync + 1, '9101'), okReply(sync + 4096, '9101'), errorReply(sync + 7, 3, 'x')]),
    )
    connection.write(okReply(sync, '9107'))
    expect(await ping).toEqual([7])
    expect(client.stats.unknownReplies).toBe(3)
  })

  test('in chunks is answered by the last one', async () => {
    const { client, connection } = await session()
    const call = client.call('push_three')
    const { sync } = await connection.request()
    connection.write(Buffer.concat([reply(sync, { type: 0x80, body: '81309101' }), okReply(sync, '9102')]))
    expect(await call).toEqual([2])
  })

  test('that cannot be decoded rejects its request and harms no other', async () => {
    const { client, connection } = await session()
    const calls = [client.call('f'), client.call('g'), client.call('h')]
    const requests = await connection.requests(3)
    const bodies = [`${'91'.repeat(300)}01`, '91a361', '9107']
    for (const [i, { sync }] of requests.entries()) connection.write(okReply(sync, bodies[i]))
    await expect(calls[0]).rejects.toMatchObject({ code: 'DECODE_FAILED', sent: true, retryable: false })
    await expect(calls[1]).rejects.toMatchObject({ code: 'DECODE_FAILED' })
    expect(await calls[2]).toEqual([7])
  })

  test('in the layout of servers before 2.11.1 is understood', async () => {
    const { client, connection } = await session()
    const call = client.call('f')
    const { sync } = await connection.request()
    const header = `8300ce0000000001cf00000000${sync.toString(16).padStart(8, '0')}05ce00000050`
    connection.write(`ce0000001b${header}81309107`)
    expect(await call).toEqual([7])
  })

  test('with undecoded fields where the caller wants them', async () => {
    const { client, connection } = await session()
    const call = client.call<[[number, string, { decode(): unknown }]]>('take', [], { lazy: { depth: 1, index: 2 } })
    connection.write(okReply((await connection.request()).sync, '919301a17481a16107'))
    const [[id, state, data]] = await call
    expect([id, state, data.decode()]).toEqual([1, 't', { a: 7 }])
  })

  test('with an error has its code, and says what may be repeated', async () => {
    const { client, connection } = await session()
    const requests = [client.call('f'), client.replace(512, [1]), client.call('f'), client.ping()]
    const [call, replace, loading, unnamed] = await connection.requests(4)
    connection.write(errorReply(call?.sync ?? 0, 97, 'Transaction has been aborted by conflict'))
    connection.write(errorReply(replace?.sync ?? 0, 97, 'Transaction has been aborted by conflict'))
    connection.write(errorReply(loading?.sync ?? 0, 116, 'Instance bootstrap'))
    connection.write(errorReply(unnamed?.sync ?? 0, 301, 'new'))
    // A function may have committed something before the conflict; a single statement has not.
    await expect(requests[0]).rejects.toMatchObject({ code: 'ER_TRANSACTION_CONFLICT', number: 97, retryable: false })
    await expect(requests[1]).rejects.toMatchObject({ code: 'ER_TRANSACTION_CONFLICT', retryable: true, sent: true })
    await expect(requests[2]).rejects.toMatchObject({ code: 'ER_LOADING', retryable: true })
    await expect(requests[3]).rejects.toMatchObject({
      code: 'ER_301',
      message: 'new',
      frames: [{ message: 'new', number: 301 }],
    })
  })
})

describe('a limit', () => {
  test('of time rejects a request to a silent server, and its late reply is swallowed', async () => {
    const { client, connection } = await session()
    const slow = client.call('slow', [], { timeoutMs: 20 })
    const { sync } = await connection.request()
    await expect(slow).rejects.toMatchObject({ code: 'REQUEST_TIMEOUT', sent: true, retryable: false })
    const next = client.call('next')
    const other = await connection.request()
    expect(other.sync).not.toBe(sync)
    connection.write(Buffer.concat([okReply(sync, '9101'), okReply(other.sync, '9102')]))
    expect(await next).toEqual([2])
    expect(client.stats).toMatchObject({ inFlight: 0, unknownReplies: 0 })
  })

  test('of time is not passed by a reply that waits while the event loop is blocked', async () => {
    const { client, connection } = await session()
    const call = client.call('f', [], { timeoutMs: 50 })
    const { sync } = await connection.request()
    connection.write(okReply(sync, '9107'))
    await new Promise(setImmediate)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100)
    expect(await call).toEqual([7])
  })

  test('of requests in flight rejects what is above it, unsent', async () => {
    const { client, connection } = await session({ maxInFlight: 2 })
    const calls = [client.call('f'), client.call('f')]
    await expect(client.call('f')).rejects.toMatchObject({ code: 'OVERLOADED', retryable: true, sent: false })
    for (const { sync } of await connection.requests(2)) connection.write(okReply(sync))
    await Promise.all(calls)
    const again = client.call('f')
    connection.write(okReply((await connection.request()).sync))
    await again
  })

  test('of unsent bytes rejects what is above it while the peer does not read', async () => {
    const { client, connection } = await session({ maxBufferedBytes: 1 << 20 })
    connection.socket.pause()
    const payload = Buffer.alloc(1 << 20)
    const calls: Promise<unknown>[] = []
    let refused: unknown
    while (refused === undefined && calls.length < 100) {
      const call = client.call('f', [payload])
      calls.push(call)
      // A refusal is there after a turn; an accepted request stays open.
      refused = await Promise.race([
        call.catch((error: unknown) => error),
        new Promise(setImmediate).then(() => undefined),
      ])
    }
    expect(refused).toMatchObject({ code: 'OVERLOADED', sent: false })
    connection.socket.resume()
    for (const { sync } of await connection.requests(calls.length - 1)) connection.write(okReply(sync))
    await Promise.all(calls.slice(0, -1))
  })
})

describe('a signal', () => {
  test('that is aborted already rejects with its reason, and nothing is sent', async () => {
    const { client, connection } = await session()
    await expect(client.call('f', [], { signal: AbortSignal.abort('why') })).rejects.toBe('why')
    const ping = client.ping()
    const { type, sync } = await connection.request()
    expect(type).toBe(PING)
    connection.write(okReply(sync))
    await ping
  })

  test('rejects a request in flight with its reason, and the late reply is swallowed', async () => {
    const { client, connection } = await session()
    const controller = new AbortController()
    const aborted = client.call('f', [], { signal: controller.signal })
    const kept = client.call('g', [], { signal: new AbortController().signal })
    const [first, second] = await connection.requests(2)
    const reason = new Error('enough')
    controller.abort(reason)
    await expect(aborted).rejects.toBe(reason)
    connection.write(Buffer.concat([okReply(first?.sync ?? 0, '9101'), okReply(second?.sync ?? 0, '9102')]))
    expect(await kept).toEqual([2])
    expect(client.stats.unknownReplies).toBe(0)
  })

  test('has no listener left when its requests have settled', async () => {
    const { client, connection } = await session()
    const { signal } = new AbortController()
    const remove = vi.spyOn(signal, 'removeEventListener')
    const calls = Array.from({ length: 20 }, () => client.ping({ signal }))
    for (const { sync } of await connection.requests(20)) connection.write(okReply(sync))
    await Promise.all(calls)
    expect(remove).toHaveBeenCalledTimes(1)
  })
})

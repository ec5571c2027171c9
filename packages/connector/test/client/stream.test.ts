import { decode as oracle } from '@msgpack/msgpack'
import { describe, expect, onTestFinished, test } from 'vitest'
import { readRecording } from '../../../../test/helpers/recorded.ts'
import {
  BEGIN,
  COMMIT,
  errorReply,
  okReply,
  type PeerConnection,
  PING,
  ROLLBACK,
  type ScriptedPeer,
  type SeenRequest,
  startPeer,
} from '../../../../test/helpers/scripted-peer.ts'
import { type Client, connect } from '../../src/client/client.ts'
import type { ConnectOptions } from '../../src/options.ts'

const STREAMS = [0, 1]
const IS_SYNC = 11
const CALL = 0x0a

interface Session {
  readonly peer: ScriptedPeer
  readonly client: Client
  readonly connection: PeerConnection
}

async function session(options: ConnectOptions = {}, features: readonly number[] = STREAMS): Promise<Session> {
  const peer = await startPeer({ features })
  const client = await connect({ reconnect: { minDelayMs: 1, maxDelayMs: 5 }, ...options, port: peer.port })
  onTestFinished(() => client.destroy())
  return { peer, client, connection: await peer.connection() }
}

/** Answers the next request, which must be of this type; returns it. */
async function answer(connection: PeerConnection, type: number, data?: string): Promise<SeenRequest> {
  const request = await connection.request()
  expect(request.type).toBe(type)
  connection.write(okReply(request.sync, data))
  return request
}

function lost(client: Client): Promise<unknown> {
  return new Promise((resolve) => client.once('disconnect', resolve))
}

describe('on the wire', () => {
  test('BEGIN, COMMIT and ROLLBACK are what the recorded ones are', async () => {
    const { client, connection } = await session()
    const stream = client.stream()
    const steps: readonly (readonly [name: string, run: () => Promise<void>])[] = [
      ['BEGIN', () => stream.begin({ isolation: 'read-confirmed', timeout: 3 })],
      ['COMMIT', () => stream.commit()],
      ['BEGIN', () => stream.begin()],
      ['ROLLBACK', () => stream.rollback()],
    ]
    const recorded = readRecording('3.8.0').requests.filter(({ request }) => /^(BEGIN|COMMIT|ROLLBACK)$/.test(request))
    for (const [i, [name, run]] of steps.entries()) {
      const running = run()
      const { type, body, sync, streamId } = await connection.request()
      expect(name).toBe(recorded[i]?.request)
      expect(type).toBe(recorded[i]?.header[0])
      expect(oracle(body.length === 0 ? [0xc0] : body)).toEqual(recorded[i]?.body)
      // A float64 also for whole seconds: the server takes no other type.
      if (i === 0) expect(body.toString('hex')).toBe('8256cb40080000000000005902')
      expect(streamId).toBe(1)
      connection.write(okReply(sync))
      await running
    }
  })

  test('IS_SYNC is true or absent, and is for servers that have it', async () => {
    const { client, connection } = await session({}, [...STREAMS, IS_SYNC])
    const stream = client.stream()
    for (const [options, body] of [
      [{ isSync: true }, '8161c3'],
      [{ isSync: false }, ''],
    ] as const) {
      const beginning = stream.begin(options)
      expect((await answer(connection, BEGIN)).body.toString('hex')).toBe(body)
      await beginning
      const committing = stream.commit(options)
      expect((await answer(connection, COMMIT)).body.toString('hex')).toBe(body)
      await committing
    }
    const old = await session()
    const refusal = { code: 'UNSUPPORTED', message: expect.stringContaining('since 3.2') as unknown }
    await expect(old.client.stream().begin({ isSync: true })).rejects.toMatchObject(refusal)
  })

  test('each stream has an id of its own, and a request without one has none', async () => {
    const { client, connection } = await session()
    for (const caller of [client.stream(), client.stream(), client]) caller.ping().catch(() => undefined)
    expect((await connection.requests(3)).map(({ streamId }) => streamId)).toEqual([1, 2, 0])
  })
})

test('a server without streams is sent nothing of one', async () => {
  const { client } = await session({}, [3])
  const sent = client.stats.bytesOut
  for (const run of [() => client.stream().ping(), () => client.begin(() => undefined)]) {
    await expect(run()).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      sent: false,
      message: expect.stringContaining('since 2.10') as unknown,
    })
  }
  expect(client.stats.bytesOut).toBe(sent)
})

describe('a transaction', () => {
  test('waits for BEGIN before its function runs, and for COMMIT before it gives the result', async () => {
    const { client, connection } = await session()
    const events: string[] = []
    const done = client
      .begin(async (tx) => {
        events.push('run')
        await tx.call('f')
        events.push('called')
        return 'result'
      })
      .then((result) => events.push(result))
    const begin = await connection.request()
    expect(events).toEqual([])
    connection.write(okReply(begin.sync))
    expect((await answer(connection, CALL, '90')).streamId).toBe(begin.streamId)
    const commit = await connection.request()
    expect(commit).toMatchObject({ type: COMMIT, streamId: begin.streamId })
    expect(events).toEqual(['run', 'called'])
    connection.write(okReply(commit.sync))
    await done
    expect(events).toEqual(['run', 'called', 'result'])
  })

  test('is not run if BEGIN fails', async () => {
    const { client, connection } = await session()
    let runs = 0
    const failing = client.begin(() => ++runs)
    const { sync } = await connection.request()
    connection.write(errorReply(sync, 42, 'Access denied'))
    await expect(failing).rejects.toMatchObject({ code: 'ER_ACCESS_DENIED' })
    expect(runs).toBe(0)
    await expect(client.begin(undefined as never)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })

  test('is rolled back if BEGIN was given up after it was sent, for it may have begun', async () => {
    const { client, connection } = await session()
    const failing = client.begin(() => undefined, { timeoutMs: 20 })
    const begin = await connection.request()
    await expect(failing).rejects.toMatchObject({ code: 'REQUEST_TIMEOUT', sent: true })
    expect(await connection.request()).toMatchObject({ type: ROLLBACK, streamId: begin.streamId })
  })

  test('whose function throws is rolled back before it rejects with the same', async () => {
    const { client, connection } = await session()
    const reason = new Error('of the user')
    const failing = client.begin(() => Promise.reject(reason))
    await answer(connection, BEGIN)
    await answer(connection, ROLLBACK)
    await expect(failing).rejects.toBe(reason)
  })

  test('tells of the statements that its function has left alone by its own rejection', async () => {
    const { client, connection } = await session()
    const reason = new Error('of the user')
    const failing = client.begin((tx) => {
      void tx.call('f')
      throw reason
    })
    await answer(connection, BEGIN)
    const call = await connection.request()
    connection.write(errorReply(call.sync, 3, 'Duplicate key'))
    await answer(connection, ROLLBACK)
    // The runner fails for a rejection that nobody handles.
    await expect(failing).rejects.toBe(reason)
  })

  test('rejects with what its function threw also if the rollback cannot be sent', async () => {
    const { client, connection } = await session()
    const reason = new Error('of the user')
    const gone = lost(client)
    const failing = client.begin(async () => {
      connection.socket.destroy()
      await gone
      throw reason
    })
    await answer(connection, BEGIN)
    await expect(failing).rejects.toBe(reason)
  })

  test('waits for statements that its function has left alone', async () => {
    const { client, connection } = await session()
    const committing = client.begin((tx) => {
      void tx.call('f')
    })
    await answer(connection, BEGIN)
    const call = await connection.request()
    client.ping().catch(() => undefined)
    // The ping after it, and no COMMIT before it.
    expect((await connection.request()).type).toBe(PING)
    connection.write(okReply(call.sync, '90'))
    await answer(connection, COMMIT)
    await committing
  })

  test('is rolled back if a statement that its function has left alone fails', async () => {
    const { client, connection } = await session()
    const failing = client.begin((tx) => {
      void tx.call('f')
      void tx.call('g')
    })
    await answer(connection, BEGIN)
    const [f, g] = await connection.requests(2)
    connection.write(errorReply(f?.sync ?? 0, 3, 'Duplicate key'))
    await answer(connection, ROLLBACK)
    await expect(failing).rejects.toMatchObject({ code: 'ER_TUPLE_FOUND' })
    connection.write(errorReply(g?.sync ?? 0, 3, 'Duplicate key'))
    client.ping().catch(() => undefined)
    await answer(connection, PING)
  })

  test('takes no command after its end', async () => {
    const { client, connection } = await session()
    const committing = client.begin((tx) => tx)
    await answer(connection, BEGIN)
    await answer(connection, COMMIT)
    const tx = await committing
    await expect(tx.ping()).rejects.toMatchObject({ code: 'TRANSACTION_ENDED', sent: false })
  })

  test('has a time limit for all of it', async () => {
    const { client, connection } = await session()
    const slow = client.begin((tx) => tx.call('f'), { timeoutMs: 60 })
    await answer(connection, BEGIN)
    expect((await connection.request()).type).toBe(CALL)
    await expect(slow).rejects.toMatchObject({ code: 'REQUEST_TIMEOUT', sent: true })
    await answer(connection, ROLLBACK)
    const busy = client.begin(() => new Promise((resolve) => setTimeout(resolve, 80)), { timeoutMs: 20 })
    await answer(connection, BEGIN)
    await answer(connection, ROLLBACK)
    await expect(busy).rejects.toMatchObject({ code: 'REQUEST_TIMEOUT', sent: false })
  })

  test('is rolled back when its signal aborts, a statement of its own signal as well', async () => {
    const { client, connection } = await session()
    const [whole, own] = [new AbortController(), new AbortController()]
    const failing = client.begin(
      async (tx) => {
        const call = tx.call('f', [], { signal: own.signal })
        own.abort('of the statement')
        await expect(call).rejects.toBe('of the statement')
        await tx.call('g', [], { signal: new AbortController().signal })
      },
      { signal: whole.signal },
    )
    await answer(connection, BEGIN)
    await connection.requests(2)
    whole.abort('of all')
    await expect(failing).rejects.toBe('of all')
    // It stands behind the calls that run, and is not waited for.
    expect((await connection.request()).type).toBe(ROLLBACK)
  })

  test('whose signal aborts before the commit is rolled back', async () => {
    const { client, connection } = await session()
    const controller = new AbortController()
    const failing = client.begin(() => controller.abort('late'), { signal: controller.signal })
    const rejected = expect(failing).rejects.toBe('late')
    await answer(connection, BEGIN)
    await answer(connection, ROLLBACK)
    await rejected
  })
})

describe('a commit', () => {
  test('that was sent and not answered has an unknown outcome', async () => {
    const { client, connection } = await session()
    const failing = client.begin(() => undefined)
    await answer(connection, BEGIN)
    expect((await connection.request()).type).toBe(COMMIT)
    connection.socket.resetAndDestroy()
    await expect(failing).rejects.toMatchObject({
      code: 'COMMIT_UNKNOWN',
      sent: true,
      retryable: false,
      cause: { code: 'CONNECTION_LOST' },
    })
  })

  test('whose time is up has an unknown outcome too', async () => {
    const { client, connection } = await session()
    const stream = client.stream()
    const failing = stream.commit({ timeoutMs: 20 })
    expect((await connection.request()).type).toBe(COMMIT)
    await expect(failing).rejects.toMatchObject({ code: 'COMMIT_UNKNOWN', cause: { code: 'REQUEST_TIMEOUT' } })
  })

  test('that never left has not happened', async () => {
    const { client } = await session()
    const stream = client.stream()
    const failing = stream.commit()
    client.destroy()
    await expect(failing).rejects.toMatchObject({ code: 'CONNECTION_CLOSED', sent: false })
  })

  test('that the server refuses has not happened', async () => {
    const { client, connection } = await session()
    const failing = client.begin(() => undefined)
    await answer(connection, BEGIN)
    const { sync } = await connection.request()
    connection.write(errorReply(sync, 97, 'Transaction has been aborted by conflict'))
    await expect(failing).rejects.toMatchObject({ code: 'ER_TRANSACTION_CONFLICT', retryable: true })
  })

  test('that fails for want of MVCC says what is missing', async () => {
    const { client, connection } = await session()
    const failing = client.begin(() => undefined)
    await answer(connection, BEGIN)
    const { sync } = await connection.request()
    connection.write(errorReply(sync, 154, 'Transaction has been aborted by a fiber yield'))
    await expect(failing).rejects.toMatchObject({
      code: 'ER_TRANSACTION_YIELD',
      message: expect.stringMatching(/by a fiber yield; .*memtx_use_mvcc_engine/) as unknown,
    })
  })
})

describe('a stream', () => {
  test('ends with its connection: nothing of it is sent over the next one', async () => {
    const { client, connection, peer } = await session()
    const stream = client.stream()
    connection.socket.pause()
    // The first fills what the kernel takes; the second stays in the client.
    const sent = stream.call('f', [Buffer.alloc(32 << 20)])
    await new Promise(setImmediate)
    const unsent = stream.call('g')
    await new Promise(setImmediate)
    connection.socket.resetAndDestroy()
    await expect(sent).rejects.toMatchObject({ code: 'CONNECTION_LOST', sent: true })
    await expect(unsent).rejects.toMatchObject({ code: 'CONNECTION_LOST', sent: false })
    await expect(stream.ping()).rejects.toMatchObject({
      code: 'CONNECTION_LOST',
      sent: false,
      message: expect.stringContaining('begin another one') as unknown,
    })
    const next = await peer.connection()
    client.ping().catch(() => undefined)
    expect(await next.request()).toMatchObject({ type: PING, streamId: 0 })
  })

  test('that begins while the connection is down waits for the next one', async () => {
    const { client, connection, peer } = await session()
    const gone = lost(client)
    connection.socket.destroy()
    await gone
    const stream = client.stream()
    const calls = [stream.call('f', [1]), stream.call('f', [2])]
    const hasty = client.begin(() => undefined, { timeoutMs: 1 })
    await expect(hasty).rejects.toMatchObject({ code: 'REQUEST_TIMEOUT', sent: false })
    const next = await peer.connection()
    // Whether it is there is asked once for each stream.
    await answer(next, PING)
    await answer(next, PING)
    for (const n of [1, 2]) {
      const { sync, body, streamId } = await next.request()
      expect([body.at(-1), streamId]).toEqual([n, 1])
      next.write(okReply(sync, `910${n}`))
    }
    expect(await Promise.all(calls)).toEqual([[1], [2]])
  })

  test('is refused while the connection is down if nothing may wait', async () => {
    const { client, connection } = await session({ offlineQueue: false })
    const gone = lost(client)
    connection.socket.destroy()
    await gone
    await expect(client.begin(() => undefined)).rejects.toMatchObject({ code: 'CONNECTION_LOST', sent: false })
  })

  test('takes nothing more once the client is being closed', async () => {
    const { client, connection } = await session()
    const stream = client.stream()
    const call = stream.call('f')
    const { sync } = await connection.request()
    const closing = client.close()
    await expect(stream.ping()).rejects.toMatchObject({ code: 'CONNECTION_CLOSED', sent: false })
    connection.write(okReply(sync, '9107'))
    expect(await call).toEqual([7])
    await closing
    await expect(client.begin(() => undefined)).rejects.toMatchObject({ code: 'CONNECTION_CLOSED', sent: false })
  })

  test('does not repeat a request that was refused for an old schema, for others may stand behind it', async () => {
    const { client, connection } = await session()
    const insert = client.stream().insert('users', [1])
    const view = await connection.request()
    // _vspace: [512, …]; _vindex: none.
    connection.write(okReply(view.sync, '9191cd0200'))
    const index = await connection.request()
    connection.write(okReply(index.sync, '90'))
    const request = await connection.request()
    expect(request).toMatchObject({ streamId: 1, schemaVersion: 80 })
    connection.write(errorReply(request.sync, 109, 'Wrong schema version', 81))
    await expect(insert).rejects.toMatchObject({ code: 'ER_WRONG_SCHEMA_VERSION', retryable: true })
  })

  test('keeps its order while a name is looked up, and the limits of what waits', async () => {
    const { client, connection } = await session()
    const stream = client.stream()
    const controller = new AbortController()
    const insert = stream.insert('users', [1], { timeoutMs: 20 })
    const aborted = stream.call('f', [], { signal: controller.signal })
    const call = stream.call('g')
    const view = await connection.request()
    expect(view.streamId).toBe(0)
    controller.abort('mine')
    await expect(aborted).rejects.toBe('mine')
    await expect(insert).rejects.toMatchObject({ code: 'REQUEST_TIMEOUT', sent: false })
    connection.write(okReply(view.sync, '90'))
    expect((await answer(connection, CALL, '9107')).body.toString('latin1')).toContain('g')
    expect(await call).toEqual([7])
  })
})

import { decode as oracle } from '@msgpack/msgpack'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  errorReply,
  type PeerConnection,
  reply,
  type SeenRequest,
  startPeer,
} from '../../../../test/helpers/scripted-peer.ts'
import { type Client, connect } from '../../src/client/client.ts'
import type { ConnectOptions } from '../../src/options.ts'

const VSPACE = 281
const VINDEX = 289

async function session(options: ConnectOptions = {}): Promise<{ client: Client; connection: PeerConnection }> {
  const peer = await startPeer()
  const client = await connect({ ...options, port: peer.port, reconnect: { minDelayMs: 60_000, maxDelayMs: 60_000 } })
  onTestFinished(() => client.destroy())
  return { client, connection: await peer.connection() }
}

function spaceOf(request: SeenRequest): unknown {
  return (oracle(request.body) as Record<number, unknown>)[16]
}

/** Rows [[<id>, 1, 'users']] of _vspace. */
function spaceRow(request: SeenRequest, id: number, schemaVersion: number): Buffer {
  return reply(request.sync, { schemaVersion, body: `81309193cd${id.toString(16).padStart(4, '0')}01a57573657273` })
}

/** Rows [[<id>, 0, 'pk'], [<id>, 1, 'age']] of _vindex. */
function indexRows(request: SeenRequest, id: number, schemaVersion: number): Buffer {
  const space = `cd${id.toString(16).padStart(4, '0')}`
  return reply(request.sync, { schemaVersion, body: `81309293${space}00a2706b93${space}01a3616765` })
}

/** Answers one look-up of `users`; the second read is asked for when the first is answered. */
async function answerLookup(connection: PeerConnection, id: number, schemaVersion: number): Promise<void> {
  const space = await connection.request()
  expect(spaceOf(space)).toBe(VSPACE)
  connection.write(spaceRow(space, id, schemaVersion))
  const index = await connection.request()
  expect(spaceOf(index)).toBe(VINDEX)
  connection.write(indexRows(index, id, schemaVersion))
}

function answer(connection: PeerConnection, request: SeenRequest, schemaVersion: number): void {
  connection.write(reply(request.sync, { schemaVersion, body: '8130919101' }))
}

describe('a name on a server that takes numbers only', () => {
  test('is looked up once for all that wait, and the version goes with every request', async () => {
    const { client, connection } = await session()
    const calls = [client.get('users', 1), client.select('users', 1, { index: 'age' }), client.insert('users', [1])]
    await answerLookup(connection, 512, 80)
    const requests = await connection.requests(3)
    expect(requests.map(({ schemaVersion }) => schemaVersion)).toEqual([80, 80, 80])
    expect(requests.map((request) => oracle(request.body))).toMatchObject([
      { 16: 512, 17: 0 },
      { 16: 512, 17: 1 },
      { 16: 512 },
    ])
    for (const request of requests) answer(connection, request, 80)
    await Promise.all(calls)
    const cached = client.get('users', 1)
    const request = await connection.request()
    expect(spaceOf(request)).toBe(512)
    answer(connection, request, 80)
    await cached
  })

  test('is looked up again when a reply shows another version', async () => {
    const { client, connection } = await session()
    const first = client.get('users', 1)
    await answerLookup(connection, 512, 80)
    answer(connection, await connection.request(), 81)
    await first
    const second = client.get('users', 1)
    await answerLookup(connection, 513, 81)
    const request = await connection.request()
    expect([spaceOf(request), request.schemaVersion]).toEqual([513, 81])
    answer(connection, request, 81)
    await second
  })

  test('is not looked up again for a reply without a version', async () => {
    const { client, connection } = await session()
    const first = client.get('users', 1)
    await answerLookup(connection, 512, 80)
    answer(connection, await connection.request(), 0)
    await first
    const second = client.get('users', 1)
    const request = await connection.request()
    expect(spaceOf(request)).toBe(512)
    answer(connection, request, 80)
    await second
  })

  test('is looked up again, and the request resent, when the server refuses its version', async () => {
    const { client, connection } = await session()
    const call = client.get('users', 1)
    await answerLookup(connection, 512, 80)
    const refused = await connection.request()
    connection.write(errorReply(refused.sync, 109, 'Wrong schema version, current: 81', 81))
    await answerLookup(connection, 513, 81)
    const again = await connection.request()
    expect([spaceOf(again), again.schemaVersion]).toEqual([513, 81])
    answer(connection, again, 81)
    expect(await call).toEqual([1])
  })

  test('gives the error to the caller when the server refuses for ever', async () => {
    const { client, connection } = await session()
    const call = client.get('users', 1)
    call.catch(() => undefined)
    // It is sent again ten times.
    for (let version = 80; version < 91; version++) {
      await answerLookup(connection, 512, version)
      connection.write(errorReply((await connection.request()).sync, 109, 'Wrong schema version', version + 1))
    }
    await expect(call).rejects.toMatchObject({ code: 'ER_WRONG_SCHEMA_VERSION', retryable: true })
  })

  test('is read anew when the schema changes between the two reads', async () => {
    const { client, connection } = await session()
    const call = client.get('users', 1)
    connection.write(spaceRow(await connection.request(), 512, 80))
    connection.write(indexRows(await connection.request(), 512, 81))
    const [space, index] = await connection.requests(2)
    if (space === undefined || index === undefined) throw new Error('Expected two reads')
    connection.write(Buffer.concat([spaceRow(space, 513, 81), indexRows(index, 512, 81)]))
    const [spaceAgain, indexAgain] = await connection.requests(2)
    if (spaceAgain === undefined || indexAgain === undefined) throw new Error('Expected two reads')
    expect(oracle(indexAgain.body)).toMatchObject({ 32: [513] })
    connection.write(Buffer.concat([spaceRow(spaceAgain, 513, 81), indexRows(indexAgain, 513, 81)]))
    const request = await connection.request()
    expect([spaceOf(request), request.schemaVersion]).toEqual([513, 81])
    answer(connection, request, 81)
    await call
  })

  test('that does not exist rejects as the server would, unsent', async () => {
    const { client, connection } = await session()
    const noSpace = client.get('nope', 1)
    const { sync } = await connection.request()
    connection.write(reply(sync, { body: '813090' }))
    await expect(noSpace).rejects.toMatchObject({ code: 'ER_NO_SUCH_SPACE', number: 36, sent: false })
    const noIndex = client.get('users', 1, { index: 'nope' })
    await answerLookup(connection, 512, 80)
    await expect(noIndex).rejects.toMatchObject({ code: 'ER_NO_SUCH_INDEX_NAME', number: 148, sent: false })
  })

  test('rejects with what the look-up was refused for', async () => {
    const { client, connection } = await session()
    const call = client.get('users', 1)
    connection.write(errorReply((await connection.request()).sync, 42, 'Read access to space _vspace is denied'))
    await expect(call).rejects.toMatchObject({ code: 'ER_ACCESS_DENIED' })
  })

  test('says that it may be repeated when the server has no system spaces yet', async () => {
    const { client, connection } = await session()
    const call = client.get('users', 1)
    connection.write(errorReply((await connection.request()).sync, 36, "Space '_vspace' does not exist"))
    await expect(call).rejects.toMatchObject({ code: 'ER_NO_SUCH_SPACE', retryable: true, sent: false })
  })

  test('keeps the deadline and the signal of its request while it is looked up', async () => {
    const { client, connection } = await session()
    const controller = new AbortController()
    const late = client.get('users', 1, { timeoutMs: 20 })
    const aborted = client.get('users', 1, { signal: controller.signal })
    aborted.catch(() => undefined)
    await connection.request()
    expect(client.stats.queued).toBe(2)
    controller.abort('mine')
    await expect(aborted).rejects.toBe('mine')
    await expect(late).rejects.toMatchObject({ code: 'REQUEST_TIMEOUT', sent: false, retryable: true })
    expect(client.stats.queued).toBe(0)
  })

  test('of which the look-up is not answered does not hold up close', async () => {
    const { client, connection } = await session({ requestTimeoutMs: 30 })
    const call = client.get('users', 1, { timeoutMs: 10_000 })
    await connection.request()
    const closing = client.close()
    await expect(call).rejects.toMatchObject({
      code: 'REQUEST_TIMEOUT',
      sent: false,
      message: expect.stringContaining("look-up of space 'users'") as unknown,
    })
    await closing
  })

  test('that is being looked up when the connection is lost waits for the next one', async () => {
    const { client, connection } = await session()
    const call = client.get('users', 1)
    call.catch(() => undefined)
    await connection.request()
    const lost = new Promise((resolve) => client.once('disconnect', resolve))
    connection.socket.resetAndDestroy()
    await lost
    expect(client.stats).toMatchObject({ inFlight: 0, queued: 1 })
    client.destroy()
    await expect(call).rejects.toMatchObject({ code: 'CONNECTION_CLOSED', sent: false })
  })

  test('of an index is looked up for a space that is given by number', async () => {
    const { client, connection } = await session()
    const call = client.select(512, 1, { index: 'age' })
    const lookup = await connection.request()
    expect(spaceOf(lookup)).toBe(VINDEX)
    connection.write(indexRows(lookup, 512, 80))
    const request = await connection.request()
    expect(oracle(request.body)).toMatchObject({ 16: 512, 17: 1 })
    answer(connection, request, 80)
    await call
  })
})

test('a server of 3.0 and later gets the names themselves', async () => {
  const peer = await startPeer({ handshake: false })
  const opening = connect({ port: peer.port })
  const connection = await peer.connection()
  const id = await connection.request()
  connection.write(reply(id.sync, { body: '83540a559c000102030405060708090b0c5ba9636861702d73686131' }))
  const client = await opening
  onTestFinished(() => client.destroy())
  const call = client.select('users', 1, { index: 'age' })
  const request = await connection.request()
  expect(oracle(request.body)).toMatchObject({ 94: 'users', 95: 'age' })
  expect(request.schemaVersion).toBe(0)
  answer(connection, request, 80)
  await call
})

import { once } from 'node:events'
import { createServer } from 'node:net'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import {
  AUTH,
  errorReply,
  ID,
  okReply,
  type PeerOptions,
  recordedGreeting,
  reply,
  type ScriptedPeer,
  startPeer,
} from '../../../../test/helpers/scripted-peer.ts'
import { freePort } from '../../../../test/helpers/start-tarantool.ts'
import { type Client, connect } from '../../src/client/client.ts'

async function connected(uri: string): Promise<Client> {
  const client = await connect(uri)
  onTestFinished(() => client.destroy())
  return client
}

/** The time limit is for a peer that says nothing: others fail long before, on a busy machine as well. */
function failure(peer: ScriptedPeer, user = '', connectTimeoutMs = 10_000): Promise<unknown> {
  return connect(`tarantool://${user}127.0.0.1:${peer.port}`, { connectTimeoutMs }).then(
    () => 'connected',
    (error: unknown) => error,
  )
}

describe('a session is established', () => {
  // Requirement 35.
  test('when the greeting comes byte by byte', async () => {
    const peer = await startPeer({ greeting: null })
    const client = connected(peer.uri)
    const connection = await peer.connection()
    for (const byte of recordedGreeting()) {
      connection.write(Buffer.of(byte))
      await new Promise(setImmediate)
    }
    expect((await client).server).toMatchObject({ version: '3.8.0', protocol: 0 })
  })

  test('with ID and AUTH in one round trip, and the features that the server announces', async () => {
    const peer = await startPeer({ handshake: false })
    const client = connected(`tarantool://app:secret@127.0.0.1:${peer.port}`)
    const connection = await peer.connection()
    const [id, auth] = await connection.requests(2)
    expect([id?.type, auth?.type]).toEqual([ID, AUTH])
    // The body of the recorded reply of 3.8.0: version 10, features 0 to 8, 9, 11 and 12, auth type chap-sha1.
    const body = '83540a559c000102030405060708090b0c5ba9636861702d73686131'
    connection.write(Buffer.concat([okReply(auth?.sync ?? 0), reply(id?.sync ?? 0, { body })]))
    const { server } = await client
    expect(server).toMatchObject({ version: '3.8.0', protocol: 10 })
    expect([...(server?.features ?? [])]).toContain('space-and-index-names')
  })

  test('and is not bound by the time limit of the connect any more', async () => {
    const peer = await startPeer()
    const client = await connect({ port: peer.port, connectTimeoutMs: 100 })
    onTestFinished(() => client.destroy())
    // The peer never answers: what ends the request is its own limit, which comes after that of the connect.
    await expect(client.call('f', [], { timeoutMs: 150 })).rejects.toMatchObject({ code: 'REQUEST_TIMEOUT' })
    expect(client.status).toBe('connected')
  })

  test('as the guest, without AUTH, where no user is given', async () => {
    const peer = await startPeer({ handshake: false })
    const client = connected(peer.uri)
    const connection = await peer.connection()
    const id = await connection.request()
    connection.write(errorReply(id.sync, 48, 'Unknown request type 73'))
    expect((await client).status).toBe('connected')
  })

  test('with a password that a function gives later', async () => {
    const peer = await startPeer()
    const password = vi.fn(() => Promise.resolve('secret'))
    const client = await connect({ port: peer.port, user: 'app', password })
    client.destroy()
    expect(password).toHaveBeenCalledTimes(1)
  })
})

describe('the first connect fails, once and with a reason', () => {
  test('CONNECT_FAILED where nobody listens', async () => {
    const error = await connect(`127.0.0.1:${await freePort()}`).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ name: 'ConnectionError', code: 'CONNECT_FAILED', retryable: true, sent: false })
    expect((error as Error).message).toContain('check that the server is running')
  })

  test('CONNECT_FAILED where the socket file is missing', async () => {
    await expect(connect('unix:/nonexistent/tnt.sock')).rejects.toMatchObject({ code: 'CONNECT_FAILED' })
  })

  test('CONNECT_TIMEOUT while the peer says nothing', async () => {
    const peer = await startPeer({ greeting: null })
    expect(await failure(peer, '', 300)).toMatchObject({
      code: 'CONNECT_TIMEOUT',
      message: expect.stringContaining("the server's greeting") as unknown,
    })
  })

  test('CONNECT_TIMEOUT while the handshake is not answered', async () => {
    const peer = await startPeer({ handshake: false })
    expect(await failure(peer, '', 300)).toMatchObject({
      code: 'CONNECT_TIMEOUT',
      message: expect.stringContaining('the handshake') as unknown,
    })
  })

  test.each<[name: string, options: PeerOptions]>([
    ['of HTTP', { greeting: Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n') }],
    ['of Redis', { greeting: Buffer.from('-ERR unknown command\r\n') }],
    [
      'of a console',
      { greeting: Buffer.from('Tarantool 2.6.0 (Lua console)'.padEnd(63).concat('\n', 'x'.padEnd(63), '\n')) },
    ],
    [
      'that sends nonsense after the greeting',
      { greeting: Buffer.concat([recordedGreeting(), Buffer.from('\xffhello', 'latin1')]) },
    ],
  ])('NOT_TARANTOOL for a server %s', async (_name, options) => {
    expect(await failure(await startPeer(options))).toMatchObject({ code: 'NOT_TARANTOOL', retryable: false })
  })

  // Requirement 36.
  test('AUTH_FAILED with the cause, and without the password', async () => {
    const peer = await startPeer({ handshake: false })
    const failed = failure(peer, 'app:hidden@')
    const connection = await peer.connection()
    const [id, auth] = await connection.requests(2)
    connection.write(okReply(id?.sync ?? 0))
    connection.write(errorReply(auth?.sync ?? 0, 47, 'Incorrect password supplied for user'))
    const error = await failed
    expect(error).toMatchObject({ code: 'AUTH_FAILED', retryable: false, cause: { code: 'ER_CREDS_MISMATCH' } })
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('hidden')
  })

  test.each([
    ['id', 116, 'ER_LOADING'],
    ['id', 36, 'ER_NO_SUCH_SPACE'],
    ['auth', 116, 'ER_LOADING'],
    ['auth', 36, 'ER_NO_SUCH_SPACE'],
  ])(
    'CONNECT_FAILED, to be tried again, while the server loads its data: %s is refused with %i',
    async (step, number, code) => {
      const peer = await startPeer({ handshake: false })
      const failed = failure(peer, 'app:secret@')
      const connection = await peer.connection()
      const [id, auth] = await connection.requests(2)
      const [refused, other] = step === 'id' ? [id, auth] : [auth, id]
      connection.write(okReply(other?.sync ?? 0))
      connection.write(errorReply(refused?.sync ?? 0, number, 'Instance bootstrap hasn’t finished yet'))
      expect(await failed).toMatchObject({ code: 'CONNECT_FAILED', retryable: true, cause: { code } })
    },
  )

  test('CONNECT_FAILED with what the server said before it closed', async () => {
    const peer = await startPeer({ handshake: false })
    const failed = failure(peer)
    const connection = await peer.connection()
    await connection.request()
    connection.socket.end(errorReply(0, 104, 'Too many sessions'))
    expect(await failed).toMatchObject({
      code: 'CONNECT_FAILED',
      message: expect.stringContaining('Too many sessions') as unknown,
    })
  })
})

test('random bytes after the greeting never hang or crash: the first connect tells what was wrong', async () => {
  let bytes: Uint8Array = Buffer.alloc(0)
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.end(Buffer.concat([recordedGreeting(), bytes]))
  }).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (random) => {
      bytes = random
      const error = await connect({ port, connectTimeoutMs: 5000 }).catch((reason: unknown) => reason)
      expect(['NOT_TARANTOOL', 'CONNECT_FAILED']).toContain((error as { code: string }).code)
    }),
    { numRuns: 100 },
  )
})

test('a client is printed without its password', async () => {
  const peer = await startPeer()
  const client = await connected(`tarantool://app:hidden@127.0.0.1:${peer.port}`)
  expect(inspect(client, { depth: 20, showHidden: true })).not.toContain('hidden')
})

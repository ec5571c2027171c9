import { once } from 'node:events'
import { createServer } from 'node:net'
import { inspect } from 'node:util'
import { describe, expect, onTestFinished, test } from 'vitest'
import { okReply, startPeer } from '../../../../test/helpers/scripted-peer.ts'
import { certificate, startTlsProxy } from '../../../../test/helpers/tls-proxy.ts'
import { type Client, connect } from '../../src/client/client.ts'
import type { ConnectOptions } from '../../src/options.ts'

const ca = certificate('ca.pem')

async function connected(options: ConnectOptions): Promise<Client> {
  const client = await connect(options)
  onTestFinished(() => client.destroy())
  return client
}

function failure(options: ConnectOptions): Promise<unknown> {
  return connect({ connectTimeoutMs: 2000, ...options }).then(
    (client) => client.destroy(),
    (error: unknown) => error,
  )
}

describe('over TLS', () => {
  test('requests and replies travel, large ones too', async () => {
    const peer = await startPeer()
    const { port } = await startTlsProxy(peer.port)
    const client = await connected({ port, tls: { ca } })
    const connection = await peer.connection()
    const size = 3_000_000
    const call = client.call<[string]>('f', ['x'.repeat(size)])
    const { sync, body } = await connection.request()
    expect(body).toHaveLength(size + 11)
    const header = Buffer.from('91db00000000', 'hex')
    header.writeUInt32BE(size, 2)
    connection.write(okReply(sync, Buffer.concat([header, Buffer.alloc(size, 'y')]).toString('hex')))
    expect(await call).toEqual(['y'.repeat(size)])
  })

  test('a thousand requests of one turn come each once and in order', async () => {
    const peer = await startPeer()
    const { port } = await startTlsProxy(peer.port)
    const client = await connected({ port, tls: { ca } })
    const connection = await peer.connection()
    const calls = Array.from({ length: 1000 }, (_, i) => client.call('f', [i % 100, 'x'.repeat(i)]))
    const requests = await connection.requests(1000)
    for (const [i, { sync }] of requests.entries()) connection.write(okReply(sync, `91cd${hex16(i)}`))
    expect(await Promise.all(calls)).toEqual(calls.map((_, i) => [i]))
  })

  test('a URI may say it, and the server is told the name that it is known by', async () => {
    const peer = await startPeer()
    const { port, clients } = await startTlsProxy(peer.port)
    await connected({ uri: `tarantool+tls://localhost:${port}`, tls: { ca } })
    await connected({ uri: `tarantool+tls://127.0.0.1:${port}`, tls: { ca } })
    await connected({ port, tls: { ca, servername: 'tarantool.test' } })
    expect(clients.map(({ servername }) => servername)).toEqual(['localhost', false, 'tarantool.test'])
  })

  test('a server that asks for it sees the certificate of the client', async () => {
    const peer = await startPeer()
    const { port, clients } = await startTlsProxy(peer.port, { ca, requestCert: true, rejectUnauthorized: true })
    const [cert, key] = [certificate('client.pem'), certificate('client.key')]
    const client = await connected({ port, tls: { ca, cert, key } })
    expect(clients.map(({ subject }) => subject)).toEqual(['Test client'])
    expect(inspect(client, { depth: 20, showHidden: true })).not.toContain('PRIVATE KEY')
  })

  test('a lost connection is made anew', async () => {
    const peer = await startPeer()
    const { port } = await startTlsProxy(peer.port)
    const client = await connected({ port, tls: { ca }, reconnect: { minDelayMs: 1, maxDelayMs: 5 } })
    const connection = await peer.connection()
    const call = client.call('f')
    await connection.request()
    connection.socket.resetAndDestroy()
    await expect(call).rejects.toMatchObject({ code: 'CONNECTION_LOST', sent: true })
    const again = client.call('f')
    const next = await peer.connection()
    next.write(okReply((await next.request()).sync, '9107'))
    expect(await again).toEqual([7])
  })

  test('close waits for the replies and leaves no socket', async () => {
    const peer = await startPeer()
    const { port } = await startTlsProxy(peer.port)
    const client = await connected({ port, tls: { ca } })
    const connection = await peer.connection()
    const call = client.call('f')
    const { sync } = await connection.request()
    const closing = client.close()
    connection.write(okReply(sync, '9107'))
    expect(await call).toEqual([7])
    await closing
    await once(connection.socket, 'close')
  })
})

describe('over TLS a connect is refused', () => {
  test.each<[name: string, tls: ConnectOptions['tls'], reason: RegExp]>([
    ['by default to a server of an unknown authority', true, /unable to verify|self.signed|issuer/i],
    [
      'to a server that another authority has signed',
      { ca: certificate('other-ca.pem') },
      /unable to verify|issuer|signature/i,
    ],
    ['to a server of another name', { ca, servername: 'elsewhere.test' }, /elsewhere\.test/],
    ['with what is no certificate', { ca: 'nonsense', cert: 'nonsense', key: 'nonsense' }, /PEM|start line/i],
  ])('%s', async (_name, tls, reason) => {
    const peer = await startPeer()
    const { port } = await startTlsProxy(peer.port)
    const error = await failure({ port, tls: tls ?? true })
    expect(error).toMatchObject({
      code: 'CONNECT_FAILED',
      sent: false,
      message: expect.stringMatching(reason) as unknown,
    })
    expect(peer.connections).toBe(0)
  })

  test('by a server that asks for a certificate, where there is none', async () => {
    const peer = await startPeer()
    const { port } = await startTlsProxy(peer.port, { ca, requestCert: true, rejectUnauthorized: true })
    expect(await failure({ port, tls: { ca } })).toMatchObject({
      code: 'CONNECT_FAILED',
      message: expect.stringMatching(/certificate required|ECONNRESET|closed/i) as unknown,
    })
  })

  test('by a server without TLS, whose greeting is none', async () => {
    const peer = await startPeer()
    expect(await failure({ port: peer.port, tls: { ca } })).toMatchObject({
      code: 'CONNECT_FAILED',
      message: expect.stringContaining('that the server has TLS on this port') as unknown,
    })
  })

  test('in time, by a peer that never answers the hello', async () => {
    const server = createServer((socket) => void socket.on('error', () => undefined)).listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const address = server.address()
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0
    expect(await failure({ port, tls: { ca }, connectTimeoutMs: 100 })).toMatchObject({
      code: 'CONNECT_TIMEOUT',
      message: expect.stringContaining('the TLS handshake') as unknown,
    })
  })
})

test('a port that expects TLS is guessed from its silence', async () => {
  const { port } = await startTlsProxy((await startPeer()).port)
  expect(await failure({ port, connectTimeoutMs: 100 })).toMatchObject({
    code: 'CONNECT_TIMEOUT',
    message: expect.stringContaining('unless the port expects TLS') as unknown,
  })
})

test('a certificate of an unknown authority is taken where the options say so', async () => {
  const peer = await startPeer()
  const { port } = await startTlsProxy(peer.port)
  const client = await connected({ port, tls: { rejectUnauthorized: false } })
  expect(client.status).toBe('connected')
})

function hex16(number: number): string {
  return number.toString(16).padStart(4, '0')
}

import { connect as dial, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ConnectOptions, connect } from '@tarantella/connector'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startTarantool } from '../helpers/start-tarantool.ts'
import { certificate, startTlsProxy } from '../helpers/tls-proxy.ts'

async function open(options: ConnectOptions): ReturnType<typeof connect> {
  const client = await connect({ user: 'app', password: 'secret', ...options })
  onTestFinished(() => client.destroy())
  return client
}

/** A tunnel: a stream that is no socket, keeps what it is given for a while, and passes it on in small pieces. */
function tunnel(socket: Socket): Duplex {
  return new Duplex({
    highWaterMark: 1024,
    read() {
      socket.resume()
    },
    write(chunk: Buffer, _encoding, done) {
      setImmediate(() => socket.write(chunk, done))
    },
    final(done) {
      socket.end(done)
    },
    destroy(error, done) {
      socket.destroy()
      done(error)
    },
    construct(done) {
      socket.on('data', (bytes) => {
        for (let at = 0; at < bytes.length; at += 700) this.push(bytes.subarray(at, at + 700))
      })
      socket.once('close', () => this.destroy())
      done()
    },
  })
}

describe('a stream of the user', () => {
  test('carries all that a socket does', async () => {
    const { port } = await startTarantool()
    const client = await open({ socket: () => tunnel(dial(port, '127.0.0.1')) })
    const texts = Array.from({ length: 200 }, (_, i) => String(i).repeat(i))
    const echoed = await Promise.all(texts.map((text) => client.eval<[string]>('return ...', [text])))
    expect(echoed).toEqual(texts.map((text) => [text]))
    const large = 'x'.repeat(3_000_000)
    expect(await client.eval('return ...', [large])).toEqual([large])
    await client.close()
    expect(client.status).toBe('closed')
  })

  test('may come later, and is asked for anew at a reconnect', async () => {
    const { port } = await startTarantool()
    const sockets: Socket[] = []
    const socket = async (): Promise<Socket> => {
      await sleep(1)
      const made = dial(port, '127.0.0.1')
      sockets.push(made)
      return made
    }
    const client = await open({ socket, reconnect: { minDelayMs: 1, maxDelayMs: 5 } })
    const again = new Promise((resolve) => client.once('connect', () => resolve(undefined)))
    sockets[0]?.destroy()
    await again
    await client.ping()
    expect(sockets).toHaveLength(2)
  })

  test('may have TLS over it', async () => {
    const { port } = await startTarantool()
    const proxy = await startTlsProxy(port)
    const tls = { ca: certificate('ca.pem'), servername: 'localhost' }
    const client = await open({ socket: () => dial(proxy.port, '127.0.0.1'), tls })
    await client.ping()
    expect(proxy.clients).toMatchObject([{ servername: 'localhost' }])
    const refused = connect({
      socket: () => dial(proxy.port, '127.0.0.1'),
      tls: { ...tls, ca: certificate('other-ca.pem') },
    })
    await expect(refused).rejects.toMatchObject({ code: 'CONNECT_FAILED', sent: false })
  })

  test.each<[what: string, socket: () => unknown, text: string]>([
    [
      'throws',
      () => {
        throw new Error('no tunnel')
      },
      'no tunnel',
    ],
    ['rejects', () => Promise.reject(new Error('no tunnel')), 'no tunnel'],
    ['gives no stream', () => 5, 'Expected `socket` to give a Duplex stream, got number'],
  ])('that %s is a connection that failed', async (_what, socket, text) => {
    // What a user without types may give.
    const options = { socket } as ConnectOptions
    await expect(connect(options)).rejects.toMatchObject({
      code: 'CONNECT_FAILED',
      sent: false,
      message: expect.stringContaining(text),
    })
  })

  test('is destroyed if there is no TLS to be had over it', async () => {
    const { port } = await startTarantool()
    const made = dial(port, '127.0.0.1')
    const closed = new Promise((resolve) => made.once('close', () => resolve(true)))
    const refused = connect({ socket: () => made, tls: { ca: 'x', cert: 'no certificate', key: 'no key' } })
    await expect(refused).rejects.toMatchObject({ code: 'CONNECT_FAILED', sent: false })
    expect(await closed).toBe(true)
  })

  test('that comes too late is destroyed', async () => {
    const { port } = await startTarantool()
    const made = dial(port, '127.0.0.1')
    const closed = new Promise((resolve) => made.once('close', () => resolve(true)))
    const late = new Promise<Socket>((resolve) => setTimeout(() => resolve(made), 30))
    await expect(connect({ socket: () => late, connectTimeoutMs: 5 })).rejects.toMatchObject({
      code: 'CONNECT_TIMEOUT',
    })
    expect(await closed).toBe(true)
  })
})

import { createHash } from 'node:crypto'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  AUTH,
  errorReply,
  ID,
  okReply,
  type PeerConnection,
  recordedGreeting,
  startPeer,
} from '../../../../test/helpers/scripted-peer.ts'
import { type Client, connect } from '../../src/client/client.ts'
import type { ConnectOptions } from '../../src/options.ts'

async function connected(port: number, options: ConnectOptions = {}): Promise<Client> {
  const client = await connect({ port, user: 'app', password: 'secret', ...options })
  onTestFinished(() => client.destroy())
  return client
}

function greetingWith(salt: Buffer): Buffer {
  const greeting = Buffer.from(recordedGreeting())
  greeting.write(salt.toString('base64'), 64, 'latin1')
  return greeting
}

const sha1 = (...parts: readonly Buffer[]) => createHash('sha1').update(Buffer.concat(parts)).digest()

/** By the description of the method, not by our code: sha1(p) xor sha1(salt[0..20], sha1(sha1(p))). */
function scramble(password: string, salt: Buffer): Buffer {
  const once = sha1(Buffer.from(password))
  const mask = sha1(salt.subarray(0, 20), sha1(once))
  return Buffer.from(once.map((byte, index) => byte ^ (mask[index] ?? 0)))
}

/** Answers the handshake, and gives the body of AUTH. */
async function letIn(connection: PeerConnection): Promise<Buffer> {
  const [id, auth] = await connection.requests(2)
  expect([id?.type, auth?.type]).toEqual([ID, AUTH])
  connection.write(errorReply(id?.sync ?? 0, 48, 'Unknown request type 73'))
  connection.write(okReply(auth?.sync ?? 0))
  return auth?.body ?? Buffer.alloc(0)
}

describe('a reconnect', () => {
  test('proves the password with the salt of its own greeting', async () => {
    const peer = await startPeer({ greeting: null, handshake: false })
    const salts = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]
    const connecting = connected(peer.port, { reconnect: { minDelayMs: 1 } })
    for (const salt of salts) {
      const connection = await peer.connection()
      connection.write(greetingWith(salt))
      const body = await letIn(connection)
      expect(body.includes(scramble('secret', salt))).toBe(true)
      await connecting
      connection.socket.destroy()
    }
  })

  test('that ends before the session is there counts as a try that has failed', async () => {
    const peer = await startPeer({ greeting: null, handshake: false })
    const reconnect = { minDelayMs: 1, maxDelayMs: 1, attempts: 3 }
    const connecting = connected(peer.port, { reconnect })
    const first = await peer.connection()
    first.write(recordedGreeting())
    await letIn(first)
    const client = await connecting
    const closed = new Promise<unknown>((resolve) => client.once('close', resolve))
    first.socket.destroy()
    // Each of these is a TCP connection that stands, and no session.
    for (let attempt = 1; attempt <= 3; attempt++) (await peer.connection()).socket.destroy()
    expect(await closed).toMatchObject({ code: 'CONNECT_FAILED' })
    expect(peer.connections).toBe(4)
  })
})

import { onTestFinished } from 'vitest'
import { ID, type PeerConnection, reply, type ScriptedPeer, startPeer } from '../../../test/helpers/scripted-peer.ts'
import { type Client, connect } from '../src/client/client.ts'

export interface PeerSession {
  readonly client: Client
  readonly peer: ScriptedPeer
  readonly connection: PeerConnection
  /** The body of the client's ID request. */
  readonly introduction: Buffer
}

/** The reply of 3.8.0 to ID: version 10 and all features. */
const IDENTITY = '83540a559c000102030405060708090b0c5ba9636861702d73686131'

/** A client in a session with a scripted peer that says of itself what 3.8.0 says. */
export async function sessionWithPeer(options: Parameters<typeof connect>[1] = {}): Promise<PeerSession> {
  const peer = await startPeer({ handshake: false })
  const opening = connect({ reconnect: { minDelayMs: 1, maxDelayMs: 10 }, ...options, port: peer.port })
  const { connection, introduction } = await introduce(peer)
  const client = await opening
  onTestFinished(() => client.destroy())
  return { client, peer, connection, introduction }
}

/** Answers ID on the next connection. */
export async function introduce(peer: ScriptedPeer): Promise<Pick<PeerSession, 'connection' | 'introduction'>> {
  const connection = await peer.connection()
  const id = await connection.request()
  if (id.type !== ID) throw new Error(`Expected ID, got a request of type ${id.type}`)
  connection.write(reply(id.sync, { body: IDENTITY }))
  return { connection, introduction: id.body }
}

import { EventEmitter, once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import { readRecording } from './recorded.ts'

/** A request as the peer sees it; it reads no further than the header, whose layout is fixed. */
export interface SeenRequest {
  readonly type: number
  readonly sync: number
  readonly schemaVersion: number
  /** The body's MessagePack. */
  readonly body: Buffer
}

export const PING = 0x40
export const ID = 0x49
export const AUTH = 0x07

/**
 * A server that speaks the bytes that a test gives it. It answers the handshake by itself unless told
 * otherwise, and leaves every other request to the test.
 */
export interface PeerOptions {
  /** @default the recorded greeting of 3.8.0; null for none */
  readonly greeting?: Buffer | null
  /** Answers ID with "unknown request" as 2.6 does, and AUTH with OK. @default true */
  readonly handshake?: boolean
}

/** Starts a peer on a free port of 127.0.0.1; it goes with the test. */
export async function startPeer(options: PeerOptions = {}): Promise<ScriptedPeer> {
  const peer = new ScriptedPeer(options)
  await peer.listen()
  onTestFinished(() => peer.close())
  return peer
}

export class ScriptedPeer {
  readonly #options: PeerOptions
  readonly #server: Server
  readonly #connections: PeerConnection[] = []
  readonly #events = new EventEmitter()
  #taken = 0
  port = 0

  constructor(options: PeerOptions) {
    this.#options = options
    this.#server = createServer((socket) => {
      this.#connections.push(new PeerConnection(socket, this.#options))
      this.#events.emit('connection')
    })
  }

  get uri(): string {
    return `tarantool://127.0.0.1:${this.port}`
  }

  /** How many connections were made so far. */
  get connections(): number {
    return this.#connections.length
  }

  async listen(): Promise<void> {
    this.#server.listen(this.port, '127.0.0.1')
    await once(this.#server, 'listening')
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('Expected the address of a TCP server')
    this.port = address.port
  }

  /** The next connection that no test line has taken yet; waits for it. */
  async connection(): Promise<PeerConnection> {
    for (;;) {
      const connection = this.#connections[this.#taken]
      if (connection !== undefined) {
        this.#taken++
        return connection
      }
      await once(this.#events, 'connection')
    }
  }

  /** Refuses further connections; those that exist live on. */
  async stopListening(): Promise<void> {
    if (!this.#server.listening) return
    this.#server.close()
    // 'close' comes when the last connection has ended, and this does not wait for that.
    await new Promise(setImmediate)
  }

  close(): void {
    this.#server.close()
    for (const connection of this.#connections) connection.socket.destroy()
  }
}

export class PeerConnection {
  readonly socket: Socket
  readonly #handshake: boolean
  readonly #seen: SeenRequest[] = []
  readonly #events = new EventEmitter()
  #bytes = Buffer.alloc(0)

  constructor(socket: Socket, { greeting = recordedGreeting(), handshake = true }: PeerOptions) {
    this.socket = socket
    this.#handshake = handshake
    socket.on('data', (chunk: Buffer) => this.#read(chunk))
    // A reset by the client is part of many tests.
    socket.on('error', () => undefined)
    if (greeting !== null) socket.write(greeting)
  }

  /** Bytes as they are. */
  write(bytes: Buffer | string): void {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'hex') : bytes)
  }

  /** The next request that is not of the handshake; waits for it. */
  async request(): Promise<SeenRequest> {
    while (this.#seen.length === 0) await once(this.#events, 'request')
    // The loop has waited for one.
    return this.#seen.shift() as SeenRequest
  }

  async requests(count: number): Promise<SeenRequest[]> {
    const requests: SeenRequest[] = []
    while (requests.length < count) requests.push(await this.request())
    return requests
  }

  #read(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk])
    while (this.#bytes.length >= 5) {
      const end = 5 + this.#bytes.readUInt32BE(1)
      if (this.#bytes.length < end) return
      this.#onRequest(parseRequest(this.#bytes.subarray(5, end)))
      this.#bytes = this.#bytes.subarray(end)
    }
  }

  #onRequest(request: SeenRequest): void {
    if (this.#handshake && request.type === ID) this.write(errorReply(request.sync, 48, 'Unknown request type 73'))
    else if (this.#handshake && request.type === AUTH) this.write(okReply(request.sync))
    else {
      this.#seen.push(request)
      this.#events.emit('request')
    }
  }
}

export function recordedGreeting(): Buffer {
  return Buffer.from(readRecording('3.8.0').greeting, 'hex')
}

/** 82 00 <type> 01 ce <sync>, or 83 … 05 ce <schema version>; then the body. */
function parseRequest(bytes: Buffer): SeenRequest {
  const hasVersion = bytes.readUInt8(0) === 0x83
  return {
    type: bytes.readUInt8(2),
    sync: bytes.readUInt32BE(5),
    schemaVersion: hasVersion ? bytes.readUInt32BE(11) : 0,
    body: Buffer.from(bytes.subarray(hasVersion ? 15 : 9)),
  }
}

export interface ReplyParts {
  readonly type?: number
  readonly schemaVersion?: number
  /** MessagePack of the body in hex. @default an empty map */
  readonly body?: string
}

/** A reply in the layout of 2.11.1 and later. */
export function reply(sync: number, { type = 0, schemaVersion = 80, body = '80' }: ReplyParts): Buffer {
  const header = Buffer.from('8300ce0000000001cf000000000000000005cf0000000000000000', 'hex')
  header.writeUInt32BE(type, 3)
  header.writeUInt32BE(sync, 13)
  header.writeUInt32BE(schemaVersion, 23)
  const packet = Buffer.concat([Buffer.from('ce00000000', 'hex'), header, Buffer.from(body, 'hex')])
  packet.writeUInt32BE(packet.length - 5, 1)
  return packet
}

/** OK; `data` is the MessagePack of the array of values in hex, none for a reply without data. */
export function okReply(sync: number, data?: string): Buffer {
  return reply(sync, data === undefined ? {} : { body: `8130${data}` })
}

/** An error as servers before 2.4.1 send it: text alone. */
export function errorReply(sync: number, number: number, message: string, schemaVersion = 80): Buffer {
  const text = Buffer.from(message)
  const body = `8131d9${Buffer.from([text.length]).toString('hex')}${text.toString('hex')}`
  return reply(sync, { type: 0x8000 | number, body, schemaVersion })
}

import { EventEmitter, once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import { readRecording } from './recorded.ts'

/** A request as the peer sees it; it reads no further than the header. */
export interface SeenRequest {
  readonly type: number
  readonly sync: number
  readonly schemaVersion: number
  /** 0 for none. */
  readonly streamId: number
  /** The body's MessagePack. */
  readonly body: Buffer
}

/** A WATCH or an UNWATCH. */
export interface SeenWatch {
  readonly type: number
  readonly key: string
}

export const PING = 0x40
export const ID = 0x49
export const AUTH = 0x07
export const BEGIN = 0x0e
export const COMMIT = 0x0f
export const ROLLBACK = 0x10
export const WATCH = 0x4a
export const UNWATCH = 0x4b

/**
 * A server that speaks the bytes that a test gives it. It answers the handshake by itself unless told
 * otherwise, and leaves every other request to the test.
 */
export interface PeerOptions {
  /** @default the recorded greeting of 3.8.0; null for none */
  readonly greeting?: Buffer | null
  /** Answers ID with "unknown request" as 2.6 does, and AUTH with OK. @default true */
  readonly handshake?: boolean
  /** Answers ID with these features by their numbers, as 2.10 and later do. */
  readonly features?: readonly number[]
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
  readonly #features: readonly number[] | undefined
  readonly #seen: SeenRequest[] = []
  readonly #watches: SeenWatch[] = []
  readonly #events = new EventEmitter()
  #bytes = Buffer.alloc(0)

  constructor(socket: Socket, { greeting = recordedGreeting(), handshake = true, features }: PeerOptions) {
    this.socket = socket
    this.#handshake = handshake
    this.#features = features
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

  /** The next WATCH or UNWATCH, which {@link request} leaves out; waits for it. A client's first is of `box.shutdown`. */
  async watch(): Promise<SeenWatch> {
    while (this.#watches.length === 0) await once(this.#events, 'watch')
    // The loop has waited for one.
    return this.#watches.shift() as SeenWatch
  }

  /** How many have come that {@link watch} has not given out. */
  get watchesSeen(): number {
    return this.#watches.length
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

  #identity(sync: number): Buffer {
    if (this.#features === undefined) return errorReply(sync, 48, 'Unknown request type 73')
    const ids = Buffer.from([0x90 | this.#features.length, ...this.#features])
    return reply(sync, { body: `82540a55${ids.toString('hex')}` })
  }

  #onRequest(request: SeenRequest): void {
    if (this.#handshake && request.type === ID) this.write(this.#identity(request.sync))
    else if (this.#handshake && request.type === AUTH) this.write(okReply(request.sync))
    else if (request.type === WATCH || request.type === UNWATCH) {
      this.#watches.push({ type: request.type, key: keyOf(request.body) })
      this.#events.emit('watch')
    } else {
      this.#seen.push(request)
      this.#events.emit('request')
    }
  }
}

/** 81 57 <str>: { EVENT_KEY: key }, of up to 31 bytes. */
function keyOf(body: Buffer): string {
  return body.toString('utf8', 3)
}

export function recordedGreeting(): Buffer {
  return Buffer.from(readRecording('3.8.0').greeting, 'hex')
}

/** Two to four pairs of a key and an unsigned integer; then the body. */
function parseRequest(bytes: Buffer): SeenRequest {
  const header = new Map<number, number>()
  let at = 1
  for (let left = bytes.readUInt8(0) & 0x0f; left > 0; left--) {
    const [value, size] = unsignedAt(bytes, at + 1)
    header.set(bytes.readUInt8(at), value)
    at += 1 + size
  }
  const number = (key: number): number => header.get(key) ?? 0
  const body = Buffer.from(bytes.subarray(at))
  return { type: number(0x00), sync: number(0x01), schemaVersion: number(0x05), streamId: number(0x0a), body }
}

function unsignedAt(bytes: Buffer, at: number): [value: number, size: number] {
  const byte = bytes.readUInt8(at)
  if (byte < 0x80) return [byte, 1]
  if (byte === 0xcc) return [bytes.readUInt8(at + 1), 2]
  if (byte === 0xcd) return [bytes.readUInt16BE(at + 1), 3]
  if (byte === 0xce) return [bytes.readUInt32BE(at + 1), 5]
  if (byte === 0xcf) return [Number(bytes.readBigUInt64BE(at + 1)), 9]
  throw new Error(`Expected an unsigned integer in a header, got the byte 0x${byte.toString(16)}`)
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

/** A watched key has a value; `data` is its MessagePack in hex, none for a key without one. */
export function event(key: string, data?: string): Buffer {
  const name = Buffer.concat([Buffer.from([0xa0 | key.length]), Buffer.from(key)]).toString('hex')
  const body = data === undefined ? `8157${name}` : `8257${name}58${data}`
  const packet = Buffer.from(`ce0000000082004c0100${body}`, 'hex')
  packet.writeUInt32BE(packet.length - 5, 1)
  return packet
}

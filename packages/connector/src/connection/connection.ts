import { ConnectionError, type TarantellaError } from '../errors.ts'
import type { Demands } from '../options.ts'
import type { ServerInfo } from '../protocol/features.ts'
import { FrameReader } from '../protocol/frame.ts'
import { assertGreetingBegins, GREETING_SIZE, parseGreeting } from '../protocol/greeting.ts'
import type { Request } from '../protocol/request.ts'
import { PingRequest } from '../protocol/requests/ping.ts'
import type { OpenTransport, Transport, TransportHandlers } from '../transport/transport.ts'
import { type Address, formatAddress } from '../util/address.ts'
import { thisTurn } from '../util/turn.ts'
import {
  asConnectError,
  connectFailed,
  connectionLost,
  connectTimeout,
  lostInFlight,
  protocolBroken,
  silent,
} from './failures.ts'
import { type Credentials, shakeHands } from './handshake.ts'
import { Heartbeat } from './heartbeat.ts'
import { InFlight } from './in-flight.ts'
import { Pending } from './pending.ts'
import { type Decoding, Replies, type ReplyObserver } from './replies.ts'
import { RequestWriter } from './request-writer.ts'
import type { Traffic } from './traffic.ts'
import { WriteBuffer } from './write-buffer.ts'

export interface ConnectionOptions extends Decoding {
  readonly address: Address
  readonly open: OpenTransport
  readonly credentials: Credentials | undefined
  readonly require: Demands
  readonly connectTimeoutMs: number
  readonly maxInFlight: number
  readonly maxFrameBytes: number
  readonly maxBufferedBytes: number
  readonly pingIntervalMs: number
  readonly tupleFormats: boolean
  readonly traffic: Traffic
}

/** What a connection tells its owner. */
export interface ConnectionOwner extends ReplyObserver {
  /** It was open and has ended; `unsent` are requests of which no byte has left, in their order. */
  lost(error: TarantellaError, unsent: readonly Pending[]): void
}

/**
 * One socket's life. Only `#end` leads to `ended`; it settles every request or hands it back.
 *
 * ```
 * dialing → securing → greeting → handshake → open → draining
 *    └─────────┴──────────┴──────────┴─────────┴───────┴────→ ended
 * ```
 * `securing` is there with TLS alone.
 */
type State = 'dialing' | 'securing' | 'greeting' | 'handshake' | 'open' | 'draining' | 'ended'

export class Connection implements TransportHandlers {
  /** Resolves when the session is established, rejects with the reason why it is not. */
  readonly opened: Promise<ServerInfo>
  readonly #options: ConnectionOptions
  readonly #owner: ConnectionOwner
  readonly #transport: Transport
  readonly #frames: FrameReader
  readonly #out: WriteBuffer
  readonly #requests: RequestWriter
  readonly #inFlight: InFlight
  readonly #replies: Replies
  readonly #where: string
  readonly #connectTimer: NodeJS.Timeout
  #resolveOpened!: (server: ServerInfo) => void
  #rejectOpened!: (error: TarantellaError) => void
  #state: State = 'dialing'
  /** Whether it drains because the server stops: then the server's work counts, not who waits for it. */
  #isRetiring = false
  #holds = 0
  #heartbeat: Heartbeat | undefined
  #onDrained: (() => void) | undefined

  constructor(options: ConnectionOptions, owner: ConnectionOwner) {
    this.#options = options
    this.#owner = owner
    this.#where = formatAddress(options.address)
    this.#frames = new FrameReader(options.maxFrameBytes)
    this.#out = new WriteBuffer((bytes) => this.#write(bytes), options.extensions)
    this.#requests = new RequestWriter(this.#out, options.maxFrameBytes)
    const isSent = (pending: Pending): boolean => pending.position < this.#out.handed
    this.#inFlight = new InFlight(options.maxInFlight, isSent, () => this.#checkDrained())
    this.#replies = new Replies(this.#inFlight, options.traffic, owner, options)
    this.opened = new Promise((resolve, reject) => {
      this.#resolveOpened = resolve
      this.#rejectOpened = reject
    })
    this.#connectTimer = setTimeout(() => this.#onConnectTimeout(), options.connectTimeoutMs)
    this.#transport = options.open(this, (step) => {
      if (this.#state === 'dialing' || this.#state === 'securing') this.#state = step
    })
  }

  /** How many requests somebody waits for. */
  get inFlight(): number {
    return this.#inFlight.size
  }

  /**
   * Encodes a request into the write buffer. Throws, with no byte left behind, if it cannot be encoded or
   * there is no room; otherwise `pending` settles, or goes back to the owner.
   */
  send(pending: Pending): void {
    this.#assertRoom()
    const { position } = this.#out
    const sync = this.#inFlight.nextSync()
    this.#requests.write(pending.request, sync)
    pending.position = position
    this.#inFlight.add(pending, sync)
    this.#out.added()
  }

  /** Sends a request to which there is no reply. Throws if it cannot be encoded. */
  post(request: Request): void {
    this.#requests.assertIdle()
    this.#requests.write(request, 0)
    this.#out.added()
  }

  /** Whether it takes requests: also while it drains, for its owner to decide. */
  get isOpen(): boolean {
    return this.#state === 'open' || this.#state === 'draining'
  }

  /** Waits for the replies to what is in flight, then ends. The owner sends nothing more. */
  drain(error: ConnectionError): Promise<void> {
    return new Promise((resolve) => {
      this.#onDrained = () => {
        this.#end(error)
        resolve()
      }
      this.#isRetiring = false
      if (this.isOpen) this.#state = 'draining'
      else this.#onDrained()
      this.#checkDrained()
    })
  }

  /**
   * The server is about to stop: ends as soon as it owes no reply and nobody holds the connection. Replies that
   * nobody waits for any more count as well, for the server still works on them.
   */
  retire(error: ConnectionError): void {
    if (this.#state !== 'open') return
    this.#state = 'draining'
    this.#isRetiring = true
    this.#onDrained = () => this.#end(error)
    this.#checkDrained()
  }

  /** Keeps a connection that retires open, for a transaction to be ended. What it returns is to be called once. */
  hold(): () => void {
    this.#holds++
    return () => {
      this.#holds--
      this.#checkDrained()
    }
  }

  /** Ends now. */
  destroy(error: TarantellaError): void {
    this.#end(error)
  }

  space(): Uint8Array {
    // The socket asks once more after the read that has ended the connection; what it would read is for nobody.
    return this.#state === 'ended' ? this.#frames.buffer : this.#frames.space()
  }

  received(size: number): void {
    if (this.#state === 'ended') return
    this.#options.traffic.bytesIn += size
    this.#frames.filled(size)
    try {
      if (this.#isGreeted() || this.#readGreeting()) this.#readFrames()
    } catch (error) {
      this.#end(this.isOpen ? protocolBroken(this.#where, error) : asConnectError(error, this.#where))
    }
  }

  drained(): void {
    this.#out.drained()
  }

  closed(error: Error | undefined): void {
    const { state, farewell, where } = { state: this.#state, farewell: this.#replies.farewell, where: this.#where }
    if (state === 'open' || state === 'draining') this.#end(connectionLost(where, error, farewell))
    else if (state !== 'ended') this.#end(connectFailed(where, state, error, farewell))
  }

  #assertRoom(): void {
    this.#requests.assertIdle()
    this.#inFlight.assertRoom()
    const { maxBufferedBytes } = this.#options
    if (this.#out.writer.length <= maxBufferedBytes) return
    const message = `More than ${maxBufferedBytes} bytes wait for the socket (\`maxBufferedBytes\`)`
    throw new ConnectionError('OVERLOADED', message, { retryable: true, sent: false })
  }

  #write(bytes: Buffer): boolean {
    this.#options.traffic.bytesOut += bytes.length
    this.#options.traffic.socketWrites++
    return this.#transport.write(bytes)
  }

  #isGreeted(): boolean {
    return this.#state === 'handshake' || this.isOpen
  }

  /** Returns whether the greeting is complete now. */
  #readGreeting(): boolean {
    const bytes = this.#frames.peek()
    assertGreetingBegins(bytes)
    if (bytes.length < GREETING_SIZE) return false
    const greeting = parseGreeting(bytes)
    this.#frames.drop(GREETING_SIZE)
    this.#state = 'handshake'
    shakeHands(greeting, this.#options, (request) => this.#ask(request)).then(
      (server) => this.#onOpen(server),
      (error: unknown) => this.#end(asConnectError(error, this.#where)),
    )
    return true
  }

  #readFrames(): void {
    while (this.#isGreeted() && this.#frames.next()) {
      this.#replies.read(this.#frames.buffer, this.#frames.frameStart, this.#frames.frameEnd)
    }
    this.#checkDrained()
  }

  /** A request of the connection's own; its limit is the connect timeout or the heartbeat. */
  #ask(request: Request): Promise<unknown> {
    const pending = new Pending(request, Number.POSITIVE_INFINITY, thisTurn())
    try {
      this.send(pending)
    } catch (error) {
      pending.reject(error)
    }
    return pending.promise
  }

  #onConnectTimeout(): void {
    const { connectTimeoutMs } = this.#options
    const state = this.#state
    const step = state === 'dialing' || state === 'securing' || state === 'greeting' ? state : 'handshake'
    this.#end(connectTimeout(this.#where, step, connectTimeoutMs))
  }

  #onOpen(server: ServerInfo): void {
    if (this.#state !== 'handshake') return
    this.#state = 'open'
    clearTimeout(this.#connectTimer)
    const { pingIntervalMs, traffic } = this.#options
    const pulse = {
      bytesIn: () => traffic.bytesIn,
      // Whether it is answered is seen by the bytes received, whatever becomes of the ping itself.
      ping: () => void this.#ask(new PingRequest()).catch(() => undefined),
      drop: (silentMs: number) => this.#end(silent(this.#where, silentMs)),
    }
    if (pingIntervalMs !== Number.POSITIVE_INFINITY) this.#heartbeat = new Heartbeat(pulse, pingIntervalMs)
    this.#resolveOpened(server)
  }

  #checkDrained(): void {
    const left = this.#isRetiring ? this.#inFlight.occupied + this.#holds : this.#inFlight.size
    if (this.#state === 'draining' && left === 0) this.#onDrained?.()
  }

  #end(error: TarantellaError): void {
    if (this.#state === 'ended') return
    const wasOpen = this.isOpen
    this.#state = 'ended'
    clearTimeout(this.#connectTimer)
    this.#heartbeat?.stop()
    this.#out.close()
    this.#transport.destroy()
    const unsent: Pending[] = []
    for (const pending of this.#inFlight.clear()) {
      const isSent = wasOpen && pending.position < this.#out.handed
      if (isSent) pending.reject(lostInFlight(error))
      // A stream ends with its connection.
      else if (!wasOpen || pending.request.streamId !== 0) pending.reject(error)
      else unsent.push(pending)
    }
    this.#rejectOpened(error)
    this.#onDrained?.()
    if (wasOpen) this.#owner.lost(error, unsent)
  }
}

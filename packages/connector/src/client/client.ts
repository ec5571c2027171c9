import { Pending } from '../connection/pending.ts'
import { newTraffic, type Traffic } from '../connection/traffic.ts'
import { requestChannel, tellDisconnected } from '../diagnostics.ts'
import { ConnectionError, type TarantellaError } from '../errors.ts'
import { type ConnectOptions, duration, type ResolvedOptions, resolveOptions } from '../options.ts'
import type { ServerInfo } from '../protocol/features.ts'
import type { Request } from '../protocol/request.ts'
import { openSocket } from '../transport/socket.ts'
import type { OpenTransport } from '../transport/transport.ts'
import { AbortGroups } from '../util/abort-groups.ts'
import { BulkLane, type Lane } from './bulk-lane.ts'
import { ClientEmitter } from './client-emitter.ts'
import type { RequestOptions } from './commands.ts'
import { Link, type Status } from './link.ts'
import { traceRequest } from './trace.ts'
import type { ClientSchema, Typed } from './typed-commands.ts'

export interface ClientStats {
  /** Requests sent and not answered. */
  readonly inFlight: number
  /** Requests that wait for a connection or for the schema. */
  readonly queued: number
  readonly bytesIn: number
  readonly bytesOut: number
  readonly socketWrites: number
  readonly reconnects: number
  /** Replies that nobody waited for. */
  readonly unknownReplies: number
}

/**
 * Connects to a server; see {@link ConnectOptions} for the forms of a URI and the defaults.
 *
 * Rejects, without a second try, with code `CONNECT_FAILED`, `CONNECT_TIMEOUT`, `AUTH_FAILED`, `NOT_TARANTOOL`,
 * `INVALID_URI` or `INVALID_ARGUMENT`. Later losses are mended by reconnecting.
 *
 * @example
 * const tnt = await connect('tarantool://app:secret@127.0.0.1:3301')
 * const [sum] = await tnt.call<[number]>('add', [1, 2])
 * await tnt.close()
 */
export function connect(target: string | ConnectOptions, options?: ConnectOptions): Promise<Client>
/** With the types of a schema; they are the caller's claim. */
export function connect<S extends ClientSchema>(
  target: string | ConnectOptions,
  options?: ConnectOptions,
): Promise<Typed<Client, S>>
export async function connect(target: string | ConnectOptions, options?: ConnectOptions): Promise<Client> {
  return Client.open(resolveOptions(target, options))
}

/**
 * One connection to a server, with any number of requests in flight over it. Made by {@link connect}.
 *
 * Requests of one turn of the event loop leave in one write. Each promise settles: with the reply, an error of
 * the server, its time limit, its signal, the loss of the connection, or the client's end. Arguments must not be
 * changed before that. After a loss, requests that had been sent reject with `CONNECTION_LOST` and `sent: true`;
 * those that had not wait for the reconnect within their time limit.
 */
export class Client extends ClientEmitter {
  readonly #options: ResolvedOptions
  readonly #traffic: Traffic = newTraffic()
  readonly #aborts = new AbortGroups()
  readonly #link: Link
  readonly #bulk: BulkLane | undefined
  #closing: Promise<void> | undefined

  /** Use {@link connect}. */
  constructor(
    options: ResolvedOptions,
    open: OpenTransport = openSocket.bind(undefined, options.address, options.tls),
  ) {
    super((options, build) => this.#request(options, build))
    this.#options = options
    const observer = {
      connected: () => this.tell('connect'),
      disconnected: (error: TarantellaError) => {
        tellDisconnected({ address: options.address, error })
        this.tell('disconnect', error)
      },
      closed: (error: TarantellaError | undefined) => {
        if (error !== undefined) this.#bulk?.destroy(error)
        this.tell('close', error)
      },
    }
    this.#link = new Link(options, open, observer, this.#traffic)
    this.#bulk = options.bulkLane ? new BulkLane(options, open) : undefined
  }

  /** For {@link connect} and the fake server alone. */
  static async open(options: ResolvedOptions, open?: OpenTransport): Promise<Client> {
    const client = new Client(options, open)
    await client.start()
    return client
  }

  /** For the pool alone, which may destroy it meanwhile: once, before anything else. */
  async start(): Promise<void> {
    try {
      await Promise.all([this.#link.connect(), this.#bulk?.link.connect()])
    } catch (error) {
      this.destroy()
      throw error
    }
  }

  get status(): Status {
    return this.#link.status
  }

  /** Who answered at the latest connect. */
  get server(): ServerInfo | undefined {
    return this.#link.server
  }

  get stats(): ClientStats {
    const { bytesIn, bytesOut, socketWrites, unknownReplies } = this.#traffic
    const { inFlight, queued, reconnects } = this.#link
    const stats = { inFlight, queued, bytesIn, bytesOut, socketWrites, reconnects, unknownReplies }
    return this.#bulk?.addTo(stats) ?? stats
  }

  /**
   * Takes no more requests, waits for the replies to those under way, then closes the connection. Requests that
   * wait for a reconnect are rejected with `CONNECTION_CLOSED`. Never rejects; a second call joins the first.
   */
  close(): Promise<void> {
    this.#closing ??= Promise.all([this.#link.close(), this.#bulk?.link.close()]).then(() => undefined)
    return this.#closing
  }

  /** Closes the connection now. What is under way rejects with `CONNECTION_CLOSED`, and `error` as its cause. */
  destroy(error?: unknown): void {
    const facts = { retryable: false, sent: false, cause: error }
    const message = 'The client was destroyed'
    const reason = error === undefined ? undefined : new ConnectionError('CONNECTION_CLOSED', message, facts)
    this.#link.destroy(reason)
    this.#bulk?.destroy(reason)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** For the pool alone, which builds a request anew for each instance that it tries. */
  exchange<R>(options: RequestOptions | undefined, build: () => Request<R>): Promise<R> {
    return this.#request(options, build)
  }

  #request<R>(options: RequestOptions | undefined, build: () => Request<R>): Promise<R> {
    try {
      const signal = options?.signal
      // The signal's own reason, whatever it is.
      if (signal?.aborted === true) return Promise.reject(signal.reason)
      const timeoutMs = options?.timeoutMs
      const limitMs = timeoutMs === undefined ? this.#options.requestTimeoutMs : duration('timeoutMs', timeoutMs)
      const pending = new Pending(build(), limitMs, performance.now())
      if (signal !== undefined) pending.heed(signal, this.#aborts)
      const lane = options?.lane
      const promise = requestChannel.hasSubscribers ? this.#trace(pending, lane) : this.#send(pending, lane)
      // A Pending resolves with what its request makes of the reply.
      return promise as Promise<R>
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #send(pending: Pending, lane: Lane | undefined): Promise<unknown> {
    if (this.#bulk?.takes(lane, pending) !== true) this.#link.send(pending)
    return pending.promise
  }

  #trace(pending: Pending, lane: Lane | undefined): Promise<unknown> {
    return traceRequest(pending, this.#options.address, () => this.#send(pending, lane))
  }
}

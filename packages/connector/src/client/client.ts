import { EventEmitter } from 'node:events'
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
import type { KeyValue, SpaceName, UpdateOperation } from './arguments.ts'
import { BulkLane, type Lane } from './bulk-lane.ts'
import { type CallOptions, Commands, type IndexOptions, type RequestOptions, type SelectOptions } from './commands.ts'
import { Link, type Status } from './link.ts'
import { traceRequest } from './trace.ts'

/** Events are for observers; an `error` event is never emitted, every error is in a promise. */
export interface ClientEvents {
  /** A session is established: at every reconnect, before requests that waited for it are sent. */
  connect: []
  /** The connection was lost; the client reconnects unless `close` follows. */
  disconnect: [error: TarantellaError]
  /** The end, once: undefined after `close()`, else why. */
  close: [error: TarantellaError | undefined]
}

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
export class Client extends EventEmitter<ClientEvents> {
  readonly #options: ResolvedOptions
  readonly #traffic: Traffic = newTraffic()
  readonly #aborts = new AbortGroups()
  readonly #link: Link
  readonly #bulk: BulkLane | undefined
  #closing: Promise<void> | undefined
  readonly #commands = new Commands(<R>(options: RequestOptions | undefined, build: () => Request<R>) =>
    this.#request(options, build),
  )

  /** Use {@link connect}. */
  constructor(
    options: ResolvedOptions,
    open: OpenTransport = openSocket.bind(undefined, options.address, options.tls),
  ) {
    super()
    this.#options = options
    const observer = {
      connected: () => this.#tell('connect'),
      disconnected: (error: TarantellaError) => {
        tellDisconnected({ address: options.address, error })
        this.#tell('disconnect', error)
      },
      closed: (error: TarantellaError | undefined) => {
        if (error !== undefined) this.#bulk?.destroy(error)
        this.#tell('close', error)
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

  ping(options?: RequestOptions): Promise<void> {
    return this.#commands.ping(options)
  }

  /** Tuples by a key of an index: all of the space without a key. Mind `limit`, which defaults to everything. */
  select<T = unknown[]>(space: SpaceName, key?: KeyValue, options?: SelectOptions): Promise<T[]> {
    return this.#commands.select<T>(space, key, options)
  }

  /** The tuple with this key of a unique index; rejects with `ER_MORE_THAN_ONE_TUPLE` if the key fits several. */
  get<T = unknown[]>(space: SpaceName, key: KeyValue, options?: IndexOptions): Promise<T | undefined> {
    return this.#commands.get<T>(space, key, options)
  }

  /** Stores a new tuple, and gives it as it was stored; rejects with `ER_TUPLE_FOUND` if its key is taken. */
  insert<T = unknown[]>(space: SpaceName, tuple: readonly unknown[], options?: RequestOptions): Promise<T> {
    return this.#commands.insert<T>(space, tuple, options)
  }

  /** Stores a tuple in place of any with its primary key. */
  replace<T = unknown[]>(space: SpaceName, tuple: readonly unknown[], options?: RequestOptions): Promise<T> {
    return this.#commands.replace<T>(space, tuple, options)
  }

  /** Changes fields of one tuple, and gives the tuple as it is then; undefined if there is none. */
  update<T = unknown[]>(
    space: SpaceName,
    key: KeyValue,
    operations: readonly UpdateOperation[],
    options?: IndexOptions,
  ): Promise<T | undefined> {
    return this.#commands.update<T>(space, key, operations, options)
  }

  /** Stores the tuple if its primary key is new, else applies the operations to what is there. */
  upsert(
    space: SpaceName,
    tuple: readonly unknown[],
    operations: readonly UpdateOperation[],
    options?: RequestOptions,
  ): Promise<void> {
    return this.#commands.upsert(space, tuple, operations, options)
  }

  /** Deletes one tuple, and gives it; undefined if there is none. */
  delete<T = unknown[]>(space: SpaceName, key: KeyValue, options?: IndexOptions): Promise<T | undefined> {
    return this.#commands.delete<T>(space, key, options)
  }

  /** Calls a function of the server, and gives all that it returns. */
  call<R extends unknown[] = unknown[]>(
    functionName: string,
    args: readonly unknown[] = [],
    options?: CallOptions,
  ): Promise<R> {
    return this.#commands.call<R>(functionName, args, options)
  }

  /** Runs Lua on the server, with `args` as `...`, and gives all that it returns. */
  eval<R extends unknown[] = unknown[]>(
    expression: string,
    args: readonly unknown[] = [],
    options?: CallOptions,
  ): Promise<R> {
    return this.#commands.eval<R>(expression, args, options)
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

  /** A listener that throws must not stop what the client is doing: its error surfaces as an uncaught one. */
  #tell<E extends keyof ClientEvents>(event: E, ...args: ClientEvents[E]): void {
    try {
      // The overloads of `emit` do not see that E's arguments fit E.
      ;(this.emit as (event: E, ...args: ClientEvents[E]) => boolean).call(this, event, ...args)
    } catch (error) {
      queueMicrotask(() => {
        throw error
      })
    }
  }
}

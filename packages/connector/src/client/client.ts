import { Pending } from '../connection/pending.ts'
import { newTraffic, type Traffic } from '../connection/traffic.ts'
import { requestChannel, tellDisconnected } from '../diagnostics.ts'
import { ConnectionError, type TarantellaError } from '../errors.ts'
import { type ConnectOptions, duration, type ResolvedOptions, resolveOptions } from '../options.ts'
import { assertFeature, type ServerInfo } from '../protocol/features.ts'
import type { Request } from '../protocol/request.ts'
import { WatchOnceRequest } from '../protocol/requests/watch.ts'
import { openSocket } from '../transport/socket.ts'
import { openStream } from '../transport/stream.ts'
import type { OpenTransport } from '../transport/transport.ts'
import { AbortGroups } from '../util/abort-groups.ts'
import { thisTurn } from '../util/turn.ts'
import { checkText } from './arguments.ts'
import { BulkLane, type Lane } from './bulk-lane.ts'
import { ClientEmitter } from './client-emitter.ts'
import { Link, type Status } from './link.ts'
import { type Prepared, Statements } from './prepared.ts'
import type { RequestOptions } from './request-options.ts'
import { Stream } from './stream.ts'
import { KeyValues, Subscription } from './subscription.ts'
import { traceRequest } from './trace.ts'
import { type TransactionBody, type TransactionOptions, transact } from './transaction.ts'
import type { Watchers } from './watchers.ts'

/** Another way for a request than the client's own: a stream's. */
type Route = (pending: Pending) => void

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
  /** Values of `box.session.push` for requests without `onPush`. */
  readonly chunksDropped: number
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
  readonly #statements: Statements
  readonly #link: Link
  readonly #bulk: BulkLane | undefined
  #closing: Promise<void> | undefined
  /** Ids are never used again, so that no connection sees one twice. */
  #lastStream = 0

  /** Use {@link connect}. */
  constructor(options: ResolvedOptions, open: OpenTransport = transportOf(options)) {
    super((options, build) => this.#request(options, build))
    this.#options = options
    this.#statements = new Statements(this, (limits, build) => this.#request(limits, build), options.requestTimeoutMs)
    const observer = {
      connected: () => {
        this.#statements.forget()
        this.tell('connect')
      },
      stopping: () => this.tell('shutdown'),
      schemaChanged: () => this.#statements.forget(),
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
    const { bytesIn, bytesOut, socketWrites, unknownReplies, chunksDropped } = this.#traffic
    const { inFlight, queued, reconnects } = this.#link
    const stats = { inFlight, queued, bytesIn, bytesOut, socketWrites, reconnects, unknownReplies, chunksDropped }
    return this.#bulk?.addTo(stats) ?? stats
  }

  /** Requests in an order of their own, and a transaction by hand; see {@link Stream}. */
  stream(): Stream {
    return new Stream(
      ++this.#lastStream,
      this.#link,
      (options, build, route) => this.#request(options, build, route),
      this,
    )
  }

  /**
   * A transaction (server >= 2.10; on memtx with `memtx_use_mvcc_engine`): commits when `body` is done, and gives what
   * it gave; rolls back when it throws, and rejects with the same. Statements that `body` has not waited for are
   * waited for, and must not fail either.
   *
   * A conflict with another transaction rejects with `ER_TRANSACTION_CONFLICT`, which is `retryable`: begin anew. After
   * `COMMIT_UNKNOWN` the transaction may have been committed; after any other error it was not.
   *
   * @example
   * await tnt.begin(async (tx) => {
   *   await tx.update('accounts', 1, [['-', 'balance', 100]])
   *   await tx.update('accounts', 2, [['+', 'balance', 100]])
   * })
   */
  begin<T>(body: TransactionBody<T>, options: TransactionOptions = {}): Promise<T> {
    return transact(this.stream(), body, options, this)
  }

  /**
   * Watches a key of the server's `box.broadcast`, or one of its own such as `box.status` (server >= 2.10). The callback
   * gets the present value, then each change, and the present value again after a reconnect; undefined stands for none.
   * While it runs, an async one until its promise has settled, further values shrink to the latest. What it throws
   * surfaces as an uncaught error. Throws at once, with code `UNSUPPORTED`, if the server is older.
   *
   * @example
   * using subscription = tnt.watch<Config>('app.config', (config) => apply(config))
   */
  // What the key's values are is told by the type parameter alone, as with `events`.
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters
  watch<V = unknown>(key: string, callback: (value: V) => void | Promise<void>): Subscription {
    return new Subscription(this.#watchers(key), key, callback)
  }

  /** The value of a key as it is now; undefined if it has none (server >= 3.0). */
  watchOnce<V = unknown>(key: string, options?: RequestOptions): Promise<V | undefined> {
    return this.#request(options, () => new WatchOnceRequest<V>(checkText('key', key)))
  }

  /**
   * What {@link watch} tells, for `for await`: it watches from the first value that is asked for until `break`, and a
   * consumer that is busy misses all but the latest value. Ends with the client; throws what `signal` aborts with.
   */
  events<V = unknown>(key: string, { signal }: { readonly signal?: AbortSignal | undefined } = {}): KeyValues<V> {
    return new KeyValues<V>(this.#watchers(key), key, signal)
  }

  /**
   * Has the server parse a statement of SQL once, for many executions. What is prepared twice is one statement; it
   * is prepared again by itself after a reconnect or a change of the schema.
   */
  prepare<R = Record<string, unknown>>(text: string, options?: RequestOptions): Promise<Prepared<R>> {
    return this.#statements.prepare<R>(text, options)
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

  #watchers(key: string): Watchers {
    checkText('key', key)
    const { server, watchers } = this.#link
    if (server !== undefined) assertFeature('watchers', server)
    return watchers
  }

  #request<R>(options: RequestOptions | undefined, build: () => Request<R>, route?: Route): Promise<R> {
    try {
      const signal = options?.signal
      // The signal's own reason, whatever it is.
      if (signal?.aborted === true) return Promise.reject(signal.reason)
      const timeoutMs = options?.timeoutMs
      const limitMs = timeoutMs === undefined ? this.#options.requestTimeoutMs : duration('timeoutMs', timeoutMs)
      const pending = new Pending(build(), limitMs, thisTurn())
      if (signal !== undefined) pending.heed(signal, this.#aborts)
      const lane = options?.lane
      const isTraced = requestChannel.hasSubscribers
      const promise = isTraced ? this.#trace(pending, lane, route) : this.#send(pending, lane, route)
      // A Pending resolves with what its request makes of the reply.
      return promise as Promise<R>
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #send(pending: Pending, lane: Lane | undefined, route: Route | undefined): Promise<unknown> {
    if (route !== undefined) route(pending)
    else if (this.#bulk?.takes(lane, pending) !== true) this.#link.send(pending)
    return pending.promise
  }

  #trace(pending: Pending, lane: Lane | undefined, route: Route | undefined): Promise<unknown> {
    return traceRequest(pending, this.#options.address, () => this.#send(pending, lane, route))
  }
}

function transportOf({ socket, address, tls }: ResolvedOptions): OpenTransport {
  if (socket === undefined) return openSocket.bind(undefined, address, tls)
  return openStream.bind(undefined, socket, address, tls)
}

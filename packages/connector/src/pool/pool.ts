import { EventEmitter } from 'node:events'
import type { Client } from '../client/client.ts'
import { Commands } from '../client/commands.ts'
import type { Prepared } from '../client/prepared.ts'
import type { RequestOptions, Send } from '../client/request-options.ts'
import type { TransactionBody, TransactionOptions } from '../client/transaction.ts'
import { closedError } from '../connection/failures.ts'
import { ConnectionError, type TarantellaError } from '../errors.ts'
import { RequestType } from '../protocol/constants.ts'
import type { Request } from '../protocol/request.ts'
import { surface } from '../util/surface.ts'
import type { Instance } from './instance.ts'
import { Members } from './members.ts'
import { type InstanceTarget, type PoolOptions, type ResolvedPool, resolvePool } from './pool-options.ts'
import type { InstanceState, Mode, Role } from './roles.ts'
import { Router } from './router.ts'

/** Events are for observers; names are those of the instances. */
export interface PoolEvents {
  'instance-up': [name: string]
  /** It is dialed again by itself, until `close` follows; also told after each try that fails. */
  'instance-down': [name: string, error: TarantellaError]
  /** Undefined: it does not serve at present. */
  role: [name: string, role: Role | undefined]
  /** The end, once: undefined after `close()`, else why. */
  close: [error: TarantellaError | undefined]
}

/** What a thing that belongs to one instance takes. */
export interface PinOptions {
  /** Which instances may have it. @default 'rw' */
  readonly mode?: Mode | undefined
}

type Listener<E extends keyof PoolEvents> = (...args: PoolEvents[E]) => void
/** Requests that read; a pool sends them to any instance unless it is told otherwise. */
const READS: ReadonlySet<number> = new Set([RequestType.SELECT, RequestType.PING])

/**
 * Connects to all instances at the same time, and resolves as soon as one of them can be used: one that hangs holds up
 * nobody. Rejects if none can be, with the code of the first one's error and all errors as its cause.
 *
 * @example
 * const pool = await connectPool(['tarantool://app:secret@db1:3301', 'tarantool://app:secret@db2:3301'])
 * await pool.rw.replace('users', [1, 'Zoë'])
 * const users = await pool.preferRo.select('users')
 * await pool.close()
 */
export async function connectPool(
  instances: readonly (string | InstanceTarget)[],
  options: PoolOptions = {},
): Promise<Pool> {
  const pool = new Pool(resolvePool(instances, options))
  await pool.start()
  return pool
}

/**
 * Several instances of a replica set, with one client each. Every command is there for each {@link Mode}: `pool.rw`,
 * `pool.ro`, `pool.any`, `pool.preferRw`, `pool.preferRo`. On the pool itself select, get and ping go to any instance,
 * which may be a replica behind the others; all else goes to one that takes writes.
 *
 * A request is repeated on another instance if it was never sent, if a read-only server refused it unexecuted, or if it
 * was lost and is `idempotent`. A call or an eval that a read-only server has failed is repeated as `idempotent` only,
 * for it may have done something before. What no instance can serve waits for one within its time limit.
 */
export class Pool extends Commands {
  readonly rw: Commands
  readonly ro: Commands
  readonly any: Commands
  readonly preferRw: Commands
  readonly preferRo: Commands
  readonly #members: Members
  readonly #resolve: ResolvedPool['resolve']
  readonly #router: Router<Instance>
  readonly #events: EventEmitter<PoolEvents>
  #closing: Promise<void> | undefined
  #isClosed = false

  /** Use {@link connectPool}. */
  constructor({ instances, resolve, shared }: ResolvedPool) {
    const events = new EventEmitter<PoolEvents>()
    const members: Members = new Members(instances, {
      changed: () => router.wake(),
      up: (name) => tell(events, 'instance-up', name),
      down: (name, error) => tell(events, 'instance-down', name, error),
      role: (name, role) => tell(events, 'role', name, role),
      ended: (error) => end(error),
    })
    const { requestTimeoutMs, offlineQueueMax: waitingMax } = shared
    const router = new Router({ requestTimeoutMs, waitingMax }, members)
    super((options, build) => sendByKind(router, options, build))
    const end = (error: TarantellaError): void => this.#end(error)
    const commands = (mode: Mode): Commands => {
      const send: Send = (options, build) => router.send(mode, options, build)
      return new Commands(send)
    }
    this.rw = commands('rw')
    this.ro = commands('ro')
    this.any = commands('any')
    this.preferRw = commands('preferRw')
    this.preferRo = commands('preferRo')
    this.#members = members
    this.#resolve = resolve
    this.#router = router
    this.#events = events
  }

  /** For {@link connectPool} alone. */
  async start(): Promise<void> {
    try {
      await this.#members.start()
    } catch (error) {
      this.destroy(error)
      throw error
    }
  }

  /** What is known of each instance, by name. */
  get instances(): ReadonlyMap<string, InstanceState> {
    return this.#members.roles
  }

  /**
   * Changes which instances belong to the pool, as after a look into a registry: new ones are dialed, and those that are
   * missing take no more requests. An instance is told by its name, and one that stays is left as it is. Resolves when
   * those that left have answered. Throws a `UsageError`, and changes nothing, if the list is wrong.
   */
  setInstances(instances: readonly (string | InstanceTarget)[]): Promise<void> {
    const resolved = this.#resolve(instances)
    return this.#closing ?? (this.#isClosed ? Promise.resolve() : this.#members.set(resolved))
  }

  /** Requests that wait for an instance. */
  get queued(): number {
    return this.#router.waiting
  }

  /** The client of one instance while it is up: for what belongs to it, as watchers. It ends with its session. */
  node(name: string): Client | undefined {
    return this.#members.find(name)?.client
  }

  /**
   * The client of an instance that serves `mode`, for requests that belong together, as those of a stream or of a
   * transaction. It ends with its session. Waits for one within the time limit.
   */
  async client(mode: Mode, options?: RequestOptions): Promise<Client> {
    return this.#router.client(mode, options)
  }

  /**
   * A transaction on one instance, which stays the same until its end; see `Client.begin`. An instance is waited for
   * within the time limit. Nothing is repeated on another one, for `body` would run twice: what is `retryable`, begin anew.
   */
  async begin<T>(body: TransactionBody<T>, options: TransactionOptions & PinOptions = {}): Promise<T> {
    const { mode = 'rw', ...limits } = options
    const { timeoutMs, signal } = limits
    const begun = performance.now()
    const client = await this.client(mode, { timeoutMs, signal })
    if (timeoutMs === undefined) return client.begin(body, limits)
    return client.begin(body, { ...limits, timeoutMs: Math.max(1, timeoutMs - (performance.now() - begun)) })
  }

  /**
   * A prepared statement on one instance; see `Client.prepare`. It ends with the session of that instance: then its
   * executions reject with `CONNECTION_CLOSED`, and it has to be prepared anew.
   */
  async prepare<R = Record<string, unknown>>(
    text: string,
    options: RequestOptions & PinOptions = {},
  ): Promise<Prepared<R>> {
    const { mode = 'rw', ...limits } = options
    const client = await this.client(mode, limits)
    return client.prepare<R>(text, limits)
  }

  on<E extends keyof PoolEvents>(event: E, listener: Listener<E>): this {
    // The overloads of EventEmitter do not see that E's listener fits E.
    this.#events.on(event, listener as never)
    return this
  }

  once<E extends keyof PoolEvents>(event: E, listener: Listener<E>): this {
    // As above.
    this.#events.once(event, listener as never)
    return this
  }

  off<E extends keyof PoolEvents>(event: E, listener: Listener<E>): this {
    // As above.
    this.#events.off(event, listener as never)
    return this
  }

  /** The same as {@link off}; with it `once` and `on` of `node:events` take a pool as well. */
  removeListener<E extends keyof PoolEvents>(event: E, listener: Listener<E>): this {
    return this.off(event, listener)
  }

  /**
   * Takes no more requests, rejects those that wait for an instance, waits for the replies to those under way, then
   * closes all connections. Never rejects; a second call joins the first.
   */
  close(): Promise<void> {
    this.#closing ??= this.#drain()
    return this.#closing
  }

  /** Closes all connections now. What is under way rejects with `CONNECTION_CLOSED`, and `error` as its cause. */
  destroy(error?: unknown): void {
    const facts = { retryable: false, sent: false, cause: error }
    this.#end(
      error === undefined ? undefined : new ConnectionError('CONNECTION_CLOSED', 'The pool was destroyed', facts),
    )
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #drain(): Promise<void> {
    this.#router.close()
    await this.#members.close()
    this.#end(undefined)
  }

  #end(error: TarantellaError | undefined): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#router.close(error ?? closedError())
    this.#members.destroy(error)
    tell(this.#events, 'close', error)
  }
}

/** The kind of a request is known when it is built; that one is for the first instance tried. */
function sendByKind<R>(
  router: Router<Instance>,
  options: RequestOptions | undefined,
  build: () => Request<R>,
): Promise<R> {
  let first: Request<R> | undefined
  try {
    first = build()
  } catch (error) {
    return Promise.reject(error)
  }
  const mode = READS.has(first.type) ? 'any' : 'rw'
  return router.send(mode, options, () => {
    const request = first ?? build()
    first = undefined
    return request
  })
}

/** A listener that throws must not stop what the pool is doing: its error surfaces as an uncaught one. */
function tell<E extends keyof PoolEvents>(events: EventEmitter<PoolEvents>, event: E, ...args: PoolEvents[E]): void {
  try {
    // The overloads of `emit` do not see that E's arguments fit E.
    ;(events.emit as (event: E, ...args: PoolEvents[E]) => boolean).call(events, event, ...args)
  } catch (error) {
    surface(error)
  }
}

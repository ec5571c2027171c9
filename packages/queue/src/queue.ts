import { QueueError } from './errors.ts'
import {
  type CreateTubeOptions,
  type QueueOptions,
  type ResolvedQueueOptions,
  requireText,
  resolveQueueOptions,
  toWireTubeOptions,
} from './options.ts'
import { Schedules } from './schedule/schedules.ts'
import { type Caller, type Clock, type ConnectTarget, connect, systemClock } from './ports.ts'
import { Session } from './session.ts'
import { Tube } from './tube.ts'
import type { QueueHealth } from './wire/health.ts'
import { QueueServer } from './wire/server.ts'
import type { CloseOptions } from './worker/shutdown.ts'
import type { Closable } from './worker/worker.ts'

/** Counts of a tube's tasks by state, and of the calls since the server's start. */
export interface TubeStatistics {
  readonly tasks: Readonly<Record<'taken' | 'buried' | 'ready' | 'done' | 'delayed' | 'total', number>>
  readonly calls: Readonly<Record<string, number>>
}

/** What a test may replace. */
export interface QueueInternals {
  /** Milliseconds since 1970. */
  readonly wall?: () => number
  readonly clock?: Clock
}

/** The queue of one server, over one connection. */
  /** Recurring tasks. */
  readonly schedules: Schedules
export class Queue {
  readonly #server: QueueServer
  readonly #session: Session
  readonly #options: ResolvedQueueOptions
  readonly #clock: Clock
  readonly #tubes = new Map<string, Tube>()
  readonly #workers = new Set<Closable>()
  /** Only of a connection that connect() made. */
  #closeConnection: (() => Promise<void>) | undefined
  #lastKey = 0
  #closing: Promise<void> | undefined

  /** `caller` is a connector's `Client`, or anything that calls functions; it stays open after close(). */
  constructor(caller: Caller, options: QueueOptions = {}, { clock = systemClock, wall = Date.now }: QueueInternals = {}) {
    this.#options = resolveQueueOptions(options)
    this.#server = new QueueServer(caller)
    this.#session = new Session(caller)
    this.schedules = new Schedules({
      server: this.#server,
      clock,
      wall,
      workers: this.#workers,
      onSession: (listener) => this.#session.listen(listener),
    })
    this.#clock = clock
  }

  /**
   * Connects to `tarantool://user:password@host:port` (or the connector's options), and closes
   * that connection at close(). Rejects as the connector's `connect` does.
   */
  static async connect(target: ConnectTarget, options: QueueOptions = {}): Promise<Queue> {
    // Bad options are refused before a connection is made.
    resolveQueueOptions(options)
    const client = await connect(target)
    const queue = new Queue(client, options)
    queue.#closeConnection = () => client.close()
    return queue
  }

  /** The tube's client; makes no request. `T` is what its producers put. */
  tube<T = unknown>(name: string): Tube<T> {
    if (this.#closing !== undefined) throw new QueueError('QUEUE_CLOSED', 'The queue client was closed')
    requireText('name', name)
    let tube = this.#tubes.get(name)
    if (tube === undefined) {
      tube = new Tube(name, {
        server: this.#server,
        options: this.#options,
        clock: this.#clock,
        workers: this.#workers,
        nextKey: () => ++this.#lastKey,
        onReconnect: () => this.#session.onReconnect(),
        onSession: (listener) => this.#session.listen(listener),
      })
      this.#tubes.set(name, tube)
    }
    // One object serves every type: T is the caller's promise about the payloads, see Task.
    return tube as unknown as Tube<T>
  }

  /** Creates a tube; `TUBE_EXISTS` unless `ifNotExists`, `TUBE_TYPE_UNKNOWN`. Needs the right to (role admin). */
  async createTube<T = unknown>(name: string, options: CreateTubeOptions): Promise<Tube<T>> {
    const tube = this.tube<T>(name)
    await this.#server.createTube(name, options.type, toWireTubeOptions(options))
    if (options.ttr !== undefined && options.type.endsWith('ttl')) tube.assumeTtr(options.ttr)
    return tube
  }

  /** Counts of one tube, or of all by name. Cheap: the server keeps them. */
  statistics(tube: string): Promise<TubeStatistics>
  statistics(): Promise<Readonly<Record<string, TubeStatistics>>>
  async statistics(tube?: string): Promise<unknown> {
    return await this.#server.statistics(tube)
  }

  /** Whether the server is ready for work, and what its operator should know. */
  async health(): Promise<QueueHealth> {
    return await this.#server.health()
  }

  /**
   * Closes the workers (see {@link Worker.close}), refuses waiting takes, lets the other calls
   * reach the server, and closes the connection if connect() made it. A second call joins the first.
   */
  close(options: CloseOptions = {}): Promise<void> {
    this.#closing ??= this.#close(options)
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(options: CloseOptions): Promise<void> {
    await Promise.all(Array.from(this.#workers, (worker) => worker.close(options)))
    await Promise.all(Array.from(this.#tubes.values(), (tube) => tube.close()))
    this.#session.close()
    await this.#closeConnection?.()
  }
}

import { acceptAll } from './accept-all.ts'
import { type CreateTubeOptions, toWireTubeOptions } from './create-tube-options.ts'
import { QueueError } from './errors.ts'
import { type EventOptions, type StreamedEvent, streamEvents } from './event-stream.ts'
import {
  type QueueOptions,
  type ResolvedQueueOptions,
  requireInteger,
  requireSeconds,
  requireText,
  resolveQueueOptions,
} from './options.ts'
import type { TubeOptions } from './payload/codec.ts'
import { Serializers } from './payload/serializers.ts'
import { FoundOut } from './plain/found-out.ts'
import { type Caller, type Clock, type ConnectTarget, connect, systemClock } from './ports.ts'
import { QueueFunctions } from './queue-functions.ts'
import { Schedules } from './schedule/schedules.ts'
import { Session } from './session.ts'
import { takeAny } from './take/take-any.ts'
import type { Task } from './task.ts'
import { type TakeOptions, Tube } from './tube.ts'
import type { QueueHealth } from './wire/health.ts'
import { QueueServer } from './wire/server.ts'
import type { TubeWeights } from './wire/take-any.ts'
import type { CloseOptions } from './worker/shutdown.ts'
import type { Closable } from './worker/worker.ts'

/** Counts of a tube's tasks by state, and of the calls since the server's start. */
export interface TubeStatistics {
  readonly tasks: Readonly<Record<'taken' | 'buried' | 'ready' | 'done' | 'delayed' | 'total', number>>
  readonly calls: Readonly<Record<string, number>>
}

/** What a test may replace. */
export interface QueueInternals {
  readonly clock?: Clock
  /** Milliseconds since 1970. */
  readonly wall?: () => number
}

/** The queue of one server, over one connection. */
export class Queue extends QueueFunctions {
  /** Recurring tasks. */
  readonly schedules: Schedules
  readonly #server: QueueServer
  readonly #session: Session
  readonly #serializers: Serializers
  readonly #options: ResolvedQueueOptions
  readonly #clock: Clock
  readonly #tubes = new Map<string, Tube>()
  readonly #workers = new Set<Closable>()
  /** Only of a connection that connect() made. */
  #closeConnection: (() => Promise<void>) | undefined
  #lastKey = 0
  /** Ends the streams of events, and takes of several tubes. */
  readonly #closed = new AbortController()
  #closing: Promise<void> | undefined

  /** `caller` is a connector's `Client`, or anything that calls functions; it stays open after close(). */
  constructor(
    caller: Caller,
    options: QueueOptions = {},
    { clock = systemClock, wall = Date.now }: QueueInternals = {},
  ) {
    const resolved = resolveQueueOptions(options)
    const server = new QueueServer(new FoundOut(caller))
    const serializers = new Serializers(resolved)
    super(server, serializers, resolved.serializer)
    this.#options = resolved
    this.#server = server
    this.#serializers = serializers
    this.#session = new Session(caller)
    this.#clock = clock
    this.schedules = new Schedules({
      server: this.#server,
      clock,
      wall,
      workers: this.#workers,
      onSession: (listener) => this.#session.listen(listener),
    })
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

  /**
   * The tube's client; makes no request. `T` is what its producers put. With options, a `schema` above all,
   * they are those of all who use the tube by this queue: they can be given once, and be left out after that.
   */
  tube<In, Out>(name: string, options: TubeOptions<In, Out> & { readonly schema: object }): Tube<Out, In>
  tube<T = unknown>(name: string, options?: TubeOptions): Tube<T>
  tube(name: string, options?: TubeOptions): Tube {
    this.#requireOpen()
    requireText('name', name)
    let tube = this.#tubes.get(name)
    if (tube === undefined) {
      tube = new Tube(name, {
        server: this.#server,
        options: this.#options,
        serializers: this.#serializers,
        clock: this.#clock,
        workers: this.#workers,
        nextKey: () => ++this.#lastKey,
        onReconnect: () => this.#session.onReconnect(),
        onSession: (listener) => this.#session.listen(listener),
      })
      this.#tubes.set(name, tube)
    }
    if (options !== undefined) tube.configure(options)
    return tube
  }

  /** Creates a tube; `TUBE_EXISTS` unless `ifNotExists`, `TUBE_TYPE_UNKNOWN`. Needs the right to (role admin). */
  async createTube<T = unknown>(name: string, options: CreateTubeOptions): Promise<Tube<T>> {
    const tube = this.tube<T>(name)
    await this.#server.createTube(name, options.type, toWireTubeOptions(options))
    if (options.ttr !== undefined && options.type.endsWith('ttl')) tube.assumeTtr(options.ttr)
    return tube
  }

  /**
   * Waits up to `seconds`, for ever if absent, for a task of any of up to 100 tubes; `undefined` when none
   * came. `{ ios: 3, android: 1 }` takes three of one for one of the other while both have tasks.
   */
  async takeAny(
    tubes: TubeWeights,
    seconds: number = Number.POSITIVE_INFINITY,
    options: TakeOptions = {},
  ): Promise<Task | undefined> {
    return (await this.takeAnyMany(tubes, 1, seconds, options))[0]
  }

  /** Waits like {@link takeAny} for the first task, then brings up to `count` (1 to 1000) that are ready. */
  async takeAnyMany(
    tubes: TubeWeights,
    count: number,
    seconds: number = Number.POSITIVE_INFINITY,
    { signal }: TakeOptions = {},
  ): Promise<Task[]> {
    this.#requireOpen()
    requireInteger('count', count, 1, this.#options.maxBatch)
    if (seconds !== Number.POSITIVE_INFINITY) requireSeconds('seconds', seconds)
    const key = ++this.#lastKey
    const ends = signal === undefined ? this.#closed.signal : AbortSignal.any([this.#closed.signal, signal])
    const deliveries = await takeAny(this.#server, { tubes, count, seconds, key, signal: ends })
    return await acceptAll(deliveries.map((delivery) => this.tube(delivery.tube).accept(delivery)))
  }

  /**
   * What happens to the tasks of tubes with the option `events`, in order, each once: for as long as the queue
   * is open, over lost connections. Keep the `seq` of the last event to go on after it another day.
   */
  events(options: EventOptions = {}): AsyncGenerator<StreamedEvent, void, undefined> {
    this.#requireOpen()
    const source = {
      server: this.#server,
      clock: this.#clock,
      onReconnect: () => this.#session.onReconnect(),
      closed: this.#closed.signal,
    }
    return streamEvents(source, options)
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

  #requireOpen(): void {
    if (this.#closing !== undefined) throw new QueueError('QUEUE_CLOSED', 'The queue client was closed')
  }

  async #close(options: CloseOptions): Promise<void> {
    const closed = new QueueError('QUEUE_CLOSED', 'The queue client was closed while this call waited')
    this.#closed.abort(closed)
    this.#server.endWaits(closed)
    await Promise.all(Array.from(this.#workers, (worker) => worker.close(options)))
    await Promise.all(Array.from(this.#tubes.values(), (tube) => tube.close()))
    this.#session.close()
    await this.#closeConnection?.()
  }
}

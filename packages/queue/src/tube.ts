import { acceptAll } from './accept-all.ts'
import { Joiner } from './batch/joiner.ts'
import { resultsOf } from './batch/settle-all.ts'
import { type TaskHeaders, tracePut, traceTake } from './diagnostics.ts'
import { QueueError } from './errors.ts'
import {
  type PutOptions,
  type ResolvedQueueOptions,
  requireInteger,
  requireSeconds,
  toWirePutOptions,
} from './options.ts'
import { Codec, type TubeOptions } from './payload/codec.ts'
import { withHeaders } from './payload/headers.ts'
import type { Serializers } from './payload/serializers.ts'
import { type Packed, pack } from './ports.ts'
import { Settles } from './settles.ts'
import { takeBatch } from './take/take-batch.ts'
import { TakeGate } from './take/take-gate.ts'
import { Task, toTask } from './task.ts'
import { TubeFunctions } from './tube-functions.ts'
import { note } from './wire/results.ts'
import type { Lease, SettleFunction } from './wire/server.ts'
import type { Delivery, PutStatus, TaskId, TaskStatus } from './wire/task-tuple.ts'
import { type BatchHandler, type BatchOptions, startBatchWorker } from './worker/batches.ts'
import { setAside } from './worker/failing.ts'
import type { WorkerHome } from './worker/home.ts'
import type { Handler, WorkerOptions } from './worker/options.ts'
import { type RepeatOptions, repeating } from './worker/repeat.ts'
import { Worker, type WorkerContext } from './worker/worker.ts'

/** What a tube needs of its queue. */
export interface TubeContext extends WorkerContext {
  readonly options: ResolvedQueueOptions
  readonly serializers: Serializers
}

/** One item of {@link Tube.putMany}. */
export interface PutItem<T> extends Omit<PutOptions, 'timeout'> {
  readonly data: T
}

/** Options of {@link Tube.take} and {@link Tube.takeMany}. */
export interface TakeOptions {
  /** Stops waiting; a task that arrives too late goes back to the tube. */
  readonly signal?: AbortSignal
}

const NO_OPTIONS: PutOptions = Object.freeze({})

/**
 * A named queue of tasks. Plain `put`, `take`, `ack` and the like of one turn of the event loop
 * travel and commit together; each promise settles with its own result.
 */
export class Tube<T = unknown, In = T> extends TubeFunctions<T> implements WorkerHome, AsyncIterable<Task<T>> {
  readonly #context: TubeContext
  readonly #puts: Joiner<unknown, PutStatus>
  readonly #settles: Settles
  readonly #gate: TakeGate
  readonly #codec: Codec
  #ttr: number | undefined

  /** Use {@link Queue.tube}. */
  constructor(name: string, context: TubeContext) {
    const { server, options } = context
    super(name, server)
    this.#context = context
    this.#codec = new Codec(name, context.serializers, options.serializer)
    this.#puts = this.#joiner((items) => server.putMany(name, items))
    this.#settles = new Settles({ tube: name, server, join: (send) => this.#joiner(send) })
    this.#gate = new TakeGate({
      tube: name,
      server,
      clock: context.clock,
      nextKey: context.nextKey,
      maxBatch: options.maxBatch,
    })
  }

  /**
   * Stores a task. Resolves once the server has committed it; rejects with `TUBE_NOT_FOUND`,
   * `TASK_TOO_LARGE`, `INVALID_ARGUMENT`, `QUEUE_FULL`, `PAYLOAD_INVALID`, or a connection error whose `sent` says
   * whether the task may have been stored all the same. With `timeout` it travels alone, and waits.
   */
  put(data: In, options: PutOptions = NO_OPTIONS): Promise<PutStatus> {
    return tracePut(this.name, 1, (headers) => this.#put(data, options, headers))
  }

  #put(data: In, options: PutOptions, headers: TaskHeaders | undefined): Promise<PutStatus> {
    // No async function where none is needed: two promises less of every put.
    try {
      const stored = this.#codec.toStored(data, options.serializer)
      if (!(stored instanceof Promise)) return this.#putStored(withHeaders(stored, headers), options)
      return stored.then((ready) => this.#putStored(withHeaders(ready, headers), options))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #putStored(stored: unknown, options: PutOptions): Promise<PutStatus> {
    // A batch cannot wait for room: the others of its turn would wait with it.
    if (options.timeout !== undefined) {
      return this.#context.server.put(this.name, pack(stored).value, toWirePutOptions(options), options.timeout)
    }
    const { value, size } = packItem(stored, options)
    return this.#puts.add(value, size)
  }

  /**
   * Stores many tasks, up to 1000 in one commit, in order. Resolves with one status an item; if
   * some fail the others are stored, and it rejects with a {@link BatchError} that tells which. A full tube
   * refuses at once: `timeout` is for put().
   */
  putMany(items: readonly PutItem<In>[]): Promise<PutStatus[]> {
    return tracePut(this.name, items.length, (headers) => this.#putMany(items, headers))
  }

  async #putMany(items: readonly PutItem<In>[], headers: TaskHeaders | undefined): Promise<PutStatus[]> {
    const stored = items.map((item) => this.#codec.toStored(item.data, item.serializer))
    const packed: Packed[] = []
    // All are encoded before the first is sent.
    for (const [i, item] of items.entries()) {
      const data = stored[i]
      packed.push(packItem(withHeaders(data instanceof Promise ? await data : data, headers), item))
    }
    return resultsOf(await this.#puts.addAll(packed))
  }

  /**
   * Waits up to `seconds` for a task, for ever if absent; `undefined` when none came.
   * Rejects with the signal's reason on abort, and with a {@link PayloadError} for a task whose payload cannot
   * be used; that one is put aside, see TubeOptions.undecodable.
   */
  take(seconds: number = Number.POSITIVE_INFINITY, options: TakeOptions = {}): Promise<Task<T> | undefined> {
    return traceTake(this.name, 1, () => this.#take(seconds, options))
  }

  async #take(seconds: number, { signal }: TakeOptions): Promise<Task<T> | undefined> {
    requireTimeout(seconds)
    const delivery = await this.#gate.take(seconds, signal)
    return delivery === undefined ? undefined : await this.accept(delivery)
  }

  /**
   * Waits like {@link take} for the first task, then brings up to `count` (1 to 1000) that are ready. If the
   * payload of one cannot be used it rejects as take() does, and gives the others back.
   */
  takeMany(count: number, seconds: number = Number.POSITIVE_INFINITY, options: TakeOptions = {}): Promise<Task<T>[]> {
    return traceTake(this.name, count, () => this.#takeMany(count, seconds, options))
  }

  async #takeMany(count: number, seconds: number, { signal }: TakeOptions): Promise<Task<T>[]> {
    requireInteger('count', count, 1, this.#context.options.maxBatch)
    requireTimeout(seconds)
    const { server, nextKey } = this.#context
    const deliveries = await takeBatch(server, { tube: this.name, count, seconds, key: nextKey(), signal })
    return await acceptAll(deliveries.map((delivery) => this.accept(delivery)))
  }

  /** Acks many tasks of this tube; like {@link putMany} about failures. */
  async ackMany(tasks: readonly Task<T>[]): Promise<void> {
    await this.#settles.ackAll(this, tasks)
  }

  /**
   * Takes tasks until the queue closes. Leaving the loop by `break` or a thrown error releases
   * the task it was left with, unless that is settled.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<Task<T>, void, undefined> {
    for (;;) {
      const task = await this.#takeUnlessClosed()
      if (task === undefined) return
      let isLeft = true
      try {
        yield task
        isLeft = false
      } finally {
        if (isLeft && !task.isSettled) await task.release()
      }
    }
  }

  /** Runs `handler` for every task; see {@link WorkerOptions}. Starts at once. */
  work(handler: Handler<T>, options: WorkerOptions = {}): Worker<T> {
    return new Worker<T>(this, handler, this.#withTtr(options), this.#context)
  }

  /** Runs `handler` for batches of tasks, gathered by number and by age; see {@link BatchOptions}. Starts at once. */
  workBatches(handler: BatchHandler<T>, options: BatchOptions = {}): Worker<T> {
    return startBatchWorker<T>(this, handler, this.#withTtr(options), this.#context)
  }

  /**
   * Runs `handler` for every task again and again, every `every` seconds, until the handler acks or
   * buries its task. For types of tube with delays. Starts at once.
   */
  repeat(handler: Handler<T>, { every, ...options }: RepeatOptions): Worker<T> {
    return this.work(repeating(handler, every, this.#context.clock), options)
  }

  /** For what makes a worker of its own, as {@link batchWriter}: calls `start` with the options and the surroundings. */
  startWith<Options extends WorkerOptions, Started>(
    options: Options,
    start: (options: Options, context: WorkerContext) => Started,
  ): Started {
    return start(this.#withTtr(options), this.#context)
  }

  /** For tasks of this tube: see {@link Task}. */
  settle(fn: SettleFunction, lease: Lease, argument?: unknown, bytes: number = 0): Promise<TaskStatus> {
    return this.#settles.add(fn, lease, argument, bytes)
  }

  /** For tasks of this tube: see {@link Task.progress} and {@link Task.log}. */
  note(fn: 'queue.progress' | 'queue.log', lease: Lease, value: unknown): Promise<void> {
    return note(this.#context.server, fn, this.name, lease, value)
  }

  /** For the queue's createTube(): the ttr it has named, seconds. */
  assumeTtr(ttr: number): void {
    this.#ttr = ttr
  }

  /** Ends all waiting takes and lets what was called before reach the server. For the queue's close(). */
  async close(): Promise<void> {
    this.#gate.close()
    await Promise.all([this.#puts.onIdle(), this.#settles.onIdle()])
  }

  #withTtr<Options extends WorkerOptions>(options: Options): Options {
    return options.ttr !== undefined || this.#ttr === undefined ? options : { ...options, ttr: this.#ttr }
  }

  /**
   * For what a take has brought, here or by {@link Queue.takeAny}: its task, a promise where the schema needs one,
   * and one that rejects when the payload cannot be used.
   */
  accept(delivery: Delivery): Task<T> | Promise<Task<T>> {
    let data: unknown
    try {
      data = this.read(delivery)
    } catch (error) {
      return this.#refuse(delivery, error)
    }
    if (!(data instanceof Promise)) return toTask<T>(this, delivery, data)
    return data.then(
      (value: unknown) => toTask<T>(this, delivery, value),
      (error: unknown) => this.#refuse(delivery, error),
    )
  }

  async #refuse(delivery: Delivery, error: unknown): Promise<never> {
    await setAside(new Task(this, delivery), this.undecodable, error)
    throw error
  }

  /** For a worker: the payload of a delivery, a promise where the schema needs one. Throws a {@link PayloadError}. */
  read({ id, data }: Delivery): unknown {
    return this.#codec.fromStored(id, data)
  }

  /** For a worker: what becomes of a task whose payload cannot be used. */
  get undecodable(): NonNullable<TubeOptions['undecodable']> {
    return this.#codec.undecodable
  }

  /** For {@link Queue.tube}. */
  configure(options: TubeOptions): void {
    this.#codec.configure(options)
  }

  protected async open(id: TaskId, stored: unknown): Promise<T> {
    // The payload's type is the tube's promise, as for a task.
    return (await this.#codec.fromStored(id, stored)) as T
  }

  #joiner<Item, Result>(send: (items: Item[]) => Promise<(Result | QueueError)[]>): Joiner<Item, Result> {
    const { maxBatch, maxBatchBytes, maxBatchesInFlight, maxWaiting } = this.#context.options
    const limits = { maxItems: maxBatch, maxBytes: maxBatchBytes, maxInFlight: maxBatchesInFlight, maxWaiting }
    return new Joiner(limits, send)
  }

  async #takeUnlessClosed(): Promise<Task<T> | undefined> {
    try {
      return await this.take()
    } catch (error) {
      if (error instanceof QueueError && error.code === 'QUEUE_CLOSED') return undefined
      throw error
    }
  }
}

function packItem(data: unknown, options: PutOptions): Packed {
  const wire = toWirePutOptions(options)
  return pack(wire === undefined ? [data] : [data, wire])
}

function requireTimeout(seconds: number): void {
  if (seconds !== Number.POSITIVE_INFINITY) requireSeconds('seconds', seconds)
}

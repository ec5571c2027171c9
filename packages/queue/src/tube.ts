import { Joiner } from './batch/joiner.ts'
import { BatchError, QueueError } from './errors.ts'
import {
  type PutOptions,
  type ResolvedQueueOptions,
  requireInteger,
  requireSeconds,
  toWirePutOptions,
} from './options.ts'
import { type Packed, pack } from './ports.ts'
import { takeBatch } from './take/take-batch.ts'
import { TakeGate } from './take/take-gate.ts'
import { type PeekedTask, Task, type TaskHome } from './task.ts'
import type { ItemResult, Lease, SettleFunction } from './wire/server.ts'
import type { TaskId, TaskStatus } from './wire/task-tuple.ts'
import { type BatchHandler, type BatchOptions, startBatchWorker } from './worker/batches.ts'
import type { Handler, WorkerOptions } from './worker/options.ts'
import { type RepeatOptions, repeating } from './worker/repeat.ts'
import { Worker, type WorkerContext } from './worker/worker.ts'

/** What a tube needs of its queue. */
export interface TubeContext extends WorkerContext {
  readonly options: ResolvedQueueOptions
}

/** One item of {@link Tube.putMany}. */
export interface PutItem<T> extends PutOptions {
  readonly data: T
}

/** Options of {@link Tube.take} and {@link Tube.takeMany}. */
export interface TakeOptions {
  /** Stops waiting; a task that arrives too late goes back to the tube. */
  readonly signal?: AbortSignal
}

/** `[id, token, argument]` of a settling call is about this long. */
const SETTLE_ITEM_BYTES = 24

/**
 * A named queue of tasks. Plain `put`, `take`, `ack` and the like of one turn of the event loop
 * travel and commit together; each promise settles with its own result.
 */
export class Tube<T = unknown> implements TaskHome, AsyncIterable<Task<T>> {
  readonly name: string
  readonly #context: TubeContext
  readonly #puts: Joiner<unknown, TaskStatus>
  readonly #settles = new Map<SettleFunction, Joiner<readonly unknown[], TaskStatus>>()
  readonly #gate: TakeGate
  #ttr: number | undefined

  /** Use {@link Queue.tube}. */
  constructor(name: string, context: TubeContext) {
    const { server, options } = context
    this.name = name
    this.#context = context
    this.#puts = this.#joiner((items) => server.putMany(name, items))
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
   * `TASK_TOO_LARGE`, `INVALID_ARGUMENT`, `QUEUE_FULL`, or a connection error whose `sent` says
   * whether the task may have been stored all the same.
   */
  async put(data: T, options: PutOptions = {}): Promise<TaskStatus> {
    const { value, size } = packItem(data, options)
    return await this.#puts.add(value, size)
  }

  /**
   * Stores many tasks, up to 1000 in one commit, in order. Resolves with one status an item; if
   * some fail the others are stored, and it rejects with a {@link BatchError} that tells which.
   */
  async putMany(items: readonly PutItem<T>[]): Promise<TaskStatus[]> {
    const packed = items.map((item) => packItem(item.data, item))
    return await settleAll(packed.map(({ value, size }) => this.#puts.add(value, size)))
  }

  /**
   * Waits up to `seconds` for a task, for ever if absent; `undefined` when none came.
   * Rejects with the signal's reason on abort.
   */
  async take(seconds: number = Number.POSITIVE_INFINITY, { signal }: TakeOptions = {}): Promise<Task<T> | undefined> {
    requireTimeout(seconds)
    const delivery = await this.#gate.take(seconds, signal)
    return delivery === undefined ? undefined : new Task<T>(this, delivery)
  }

  /** Waits like {@link take} for the first task, then brings up to `count` (1 to 1000) that are ready. */
  async takeMany(
    count: number,
    seconds: number = Number.POSITIVE_INFINITY,
    { signal }: TakeOptions = {},
  ): Promise<Task<T>[]> {
    requireInteger('count', count, 1, this.#context.options.maxBatch)
    requireTimeout(seconds)
    const { server, nextKey } = this.#context
    const deliveries = await takeBatch(server, { tube: this.name, count, seconds, key: nextKey(), signal })
    return deliveries.map((delivery) => new Task<T>(this, delivery))
  }

  /** Acks many tasks of this tube; like {@link putMany} about failures. */
  async ackMany(tasks: readonly Task<T>[]): Promise<void> {
    await settleAll(tasks.map((task) => task.ack()))
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

  /** The task with this id, in whatever state; rejects with `TASK_NOT_FOUND`. */
  async peek(id: TaskId): Promise<PeekedTask<T>> {
    requireInteger('id', id, 0)
    const peeked = await this.#context.server.peek(this.name, id)
    // The payload's type is the tube's promise, as for a task.
    return peeked as PeekedTask<T>
  }

  /** Removes a task in whatever state, even when a worker holds it. */
  async delete(id: TaskId): Promise<TaskStatus> {
    requireInteger('id', id, 0)
    return await this.#context.server.delete(this.name, id)
  }

  /** Makes up to `count` buried tasks ready again; resolves with how many there were. */
  async kick(count: number = 1): Promise<number> {
    requireInteger('count', count, 1)
    return await this.#context.server.kick(this.name, count)
  }

  /** Removes all tasks. */
  truncate(): Promise<void> {
    return this.#context.server.manage('queue.truncate', this.name)
  }

  /** Removes the tube; rejects with `TUBE_IN_USE` while somebody takes from it or holds a task. */
  drop(): Promise<void> {
    return this.#context.server.manage('queue.drop', this.name)
  }

  /** For what makes a worker of its own, as {@link batchWriter}: calls `start` with the options and the surroundings. */
  startWith<Options extends WorkerOptions, Started>(
    options: Options,
    start: (options: Options, context: WorkerContext) => Started,
  ): Started {
    return start(this.#withTtr(options), this.#context)
  }

  /** For tasks of this tube: see {@link Task}. */
  settle(fn: SettleFunction, lease: Lease, argument?: unknown): Promise<TaskStatus> {
    let joiner = this.#settles.get(fn)
    if (joiner === undefined) {
      joiner = this.#joiner((items) => this.#context.server.settleMany(fn, this.name, items))
      this.#settles.set(fn, joiner)
    }
    const item = argument === undefined ? [lease.id, lease.token] : [lease.id, lease.token, argument]
    return joiner.add(item, SETTLE_ITEM_BYTES)
  }

  /** For the queue's createTube(): the ttr it has named, seconds. */
  assumeTtr(ttr: number): void {
    this.#ttr = ttr
  }

  /** Ends all waiting takes and lets what was called before reach the server. For the queue's close(). */
  async close(): Promise<void> {
    this.#gate.close()
    await Promise.all([this.#puts.onIdle(), ...Array.from(this.#settles.values(), (joiner) => joiner.onIdle())])
  }

  #withTtr<Options extends WorkerOptions>(options: Options): Options {
    return options.ttr !== undefined || this.#ttr === undefined ? options : { ...options, ttr: this.#ttr }
  }

  #joiner<Item>(send: (items: Item[]) => Promise<ItemResult[]>): Joiner<Item, TaskStatus> {
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

/** Waits for all; resolves with all values or rejects with what became of each. */
async function settleAll<R>(promises: readonly Promise<R>[]): Promise<R[]> {
  const results = await Promise.allSettled(promises)
  const values: R[] = []
  for (const result of results) {
    if (result.status === 'rejected') throw new BatchError(results)
    values.push(result.value)
  }
  return values
}

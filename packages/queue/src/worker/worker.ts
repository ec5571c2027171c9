import { EventEmitter, setMaxListeners } from 'node:events'
import PQueue from 'p-queue'
import { QueueError } from '../errors.ts'
import { requireInteger } from '../options.ts'
import type { Clock } from '../ports.ts'
import { giveBack } from '../take/give-back.ts'
import { Task, type TaskHome } from '../task.ts'
import type { QueueServer } from '../wire/server.ts'
import type { Delivery } from '../wire/task-tuple.ts'
import { Attempts } from './attempts.ts'
import { type Handler, type ResolvedWorkerOptions, resolveWorkerOptions, type WorkerOptions } from './options.ts'
import { type Outcome, type Sending, sendOutcome } from './outcome.ts'
import { Prefetch } from './prefetch.ts'
import { decideRetry } from './retry-policy.ts'
import { Slots } from './slots.ts'
import { runTakeLoop } from './take-loop.ts'

/** What a worker needs of its tube's surroundings. */
export interface WorkerContext {
  readonly server: QueueServer
  readonly clock: Clock
  readonly options: { readonly maxBatch: number }
  readonly nextKey: () => number
  /** Resolves when a session stands, after a lost connection, or when there will be none any more. */
  readonly onReconnect: () => Promise<void>
  /** The queue closes its workers before anything else. */
  readonly workers: Set<Closable>
}

export interface Closable {
  close(options?: CloseOptions): Promise<void>
}

export interface CloseOptions {
  /** Milliseconds that running handlers have to end by themselves. @default 30 000 */
  readonly graceMs?: number
}

/**
 * - `running`: takes tasks and runs handlers
 * - `draining`: close() was called; takes nothing, handlers finish
 * - `stopped`: nothing is held any more
 */
export type WorkerState = 'running' | 'draining' | 'stopped'

/** For observers; a worker needs no listener to do its work. */
export interface WorkerEvents<T> {
  /** The task was acked. */
  completed: [task: Task<T>]
  /** The handler threw; `next` says what becomes of the task. */
  failed: [task: Task<T>, error: unknown, next: Outcome]
  /** The outcome came too late: the task's ttr had passed, and it is or will be delivered again. */
  lost: [task: Task<T>]
  /** A take or an outcome was refused; the worker goes on. */
  refused: [error: unknown]
}

/** Tasks whose failures one worker remembers. */
const MAX_REMEMBERED_FAILURES = 100_000

/** Time that aborted handlers have to notice it before close() gives their tasks back. */
const ABORT_GRACE_MS = 1000

/** Runs a handler for the tasks of one tube; see {@link Tube.work}. */
export class Worker<T = unknown> extends EventEmitter<WorkerEvents<T>> {
  /**
   * Resolves when the worker has stopped. Rejects if it had to stop by itself, because the tube is
   * gone or may not be taken from: nobody listening is an unhandled rejection, not a silent worker.
   */
  readonly finished: Promise<void>
  readonly #home: TaskHome
  readonly #handler: Handler<T>
  readonly #options: ResolvedWorkerOptions
  readonly #context: WorkerContext
  readonly #handlers: PQueue
  readonly #slots = new Slots()
  readonly #prefetch: Prefetch
  readonly #attempts = new Attempts(MAX_REMEMBERED_FAILURES)
  readonly #takeAbort = new AbortController()
  readonly #handlerAbort = new AbortController()
  readonly #sending: Sending
  /** Handed to handlers, and not started yet. */
  readonly #prefetched = new Set<Delivery>()
  readonly #held = new Set<Task<T>>()
  #state: WorkerState = 'running'
  #closing: Promise<void> | undefined

  /** Use {@link Tube.work}. */
  constructor(home: TaskHome, handler: Handler<T>, options: WorkerOptions, context: WorkerContext) {
    super()
    if (typeof handler !== 'function')
      throw new TypeError(`Expected \`handler\` to be a function, got ${typeof handler}`)
    this.#home = home
    this.#handler = handler
    this.#options = resolveWorkerOptions(options)
    this.#context = context
    this.#handlers = new PQueue({ concurrency: this.#options.concurrency })
    this.#prefetch = new Prefetch(context.options.maxBatch, context.clock.now())
    // Every handler that runs may listen, by fetch for one: many listeners are no leak here.
    setMaxListeners(0, this.#handlerAbort.signal)
    const { clock, onReconnect } = context
    this.#sending = { clock, onReconnect, signal: this.#handlerAbort.signal }
    context.workers.add(this)
    this.finished = this.#run()
  }

  get state(): WorkerState {
    return this.#state
  }

  /** Handlers that run now. */
  get running(): number {
    return this.#handlers.pending
  }

  /**
   * Stops taking, gives back what is not started, and waits up to `graceMs` (default 30 000) for
   * running handlers; then their signal aborts, and a second later their tasks are released.
   * A second call joins the first.
   */
  close({ graceMs = 30_000 }: CloseOptions = {}): Promise<void> {
    requireInteger('graceMs', graceMs, 0)
    this.#closing ??= this.#close(graceMs)
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #run(): Promise<void> {
    try {
      await runTakeLoop({
        ...this.#context,
        tube: this.#home.name,
        slots: this.#slots,
        signal: this.#takeAbort.signal,
        limit: () => this.#options.concurrency + this.#ahead(),
        accept: (delivery) => {
          this.#accept(delivery)
        },
        refused: (error) => {
          this.#tell('refused', error)
        },
      })
    } finally {
      // By itself or by close(): what was taken is finished or given back before the worker counts as stopped.
      await this.close()
    }
  }

  #ahead(): number {
    const { prefetch } = this.#options
    return prefetch === 'auto' ? this.#prefetch.size : prefetch
  }

  /** Queues a task for a handler. Its slot is occupied by the take loop and free when the outcome is confirmed. */
  #accept(delivery: Delivery): void {
    this.#prefetched.add(delivery)
    void this.#handlers.add(() => this.#runHandler(delivery))
  }

  /** Ends when the handler does, for p-queue to start the next; the outcome travels meanwhile. Never rejects. */
  async #runHandler(delivery: Delivery): Promise<void> {
    this.#prefetched.delete(delivery)
    const task = new Task<T>(this.#home, delivery)
    this.#held.add(task)
    const outcome = await this.#handle(task)
    this.#prefetch.completed(this.#context.clock.now())
    void this.#finish(task, outcome)
  }

  async #handle(task: Task<T>): Promise<Outcome> {
    const attempt = this.#attempts.current(task.id)
    try {
      await this.#handler(task, { signal: this.#handlerAbort.signal, attempt })
      return task.isSettled ? { action: 'left' } : { action: 'ack' }
    } catch (error) {
      if (task.isSettled) return this.#failed(task, error, { action: 'left' })
      // A handler that stopped because the worker closes has not failed.
      if (this.#handlerAbort.signal.aborted) return { action: 'release', delay: 0 }
      const outcome = decideRetry(this.#options.retry, attempt, Math.random())
      if (outcome.action === 'release') this.#attempts.fail(task.id)
      return this.#failed(task, error, outcome)
    }
  }

  #failed(task: Task<T>, error: unknown, outcome: Outcome): Outcome {
    this.#tell('failed', task, error, outcome)
    return outcome
  }

  /** Never rejects. */
  async #finish(task: Task<T>, outcome: Outcome): Promise<void> {
    if (outcome.action !== 'release') this.#attempts.forget(task.id)
    try {
      const isOurs = await sendOutcome(task, outcome, this.#sending)
      if (!isOurs) this.#tell('lost', task)
      else if (outcome.action === 'ack') this.#tell('completed', task)
    } catch (error) {
      this.#tell('refused', error)
    } finally {
      this.#held.delete(task)
      this.#slots.release()
    }
  }

  async #close(graceMs: number): Promise<void> {
    this.#state = 'draining'
    this.#takeAbort.abort(new QueueError('QUEUE_CLOSED', 'The worker was closed'))
    this.#slots.wake()
    await this.#giveBackPrefetched()
    const idle = this.#slots.onIdle()
    if (!(await this.#within(graceMs, idle))) {
      this.#handlerAbort.abort(
        new QueueError('QUEUE_CLOSED', `The worker was closed, and its handlers did not end within ${graceMs} ms`),
      )
      if (!(await this.#within(ABORT_GRACE_MS, idle))) await this.#releaseHeld()
    }
    this.#state = 'stopped'
    this.#context.workers.delete(this)
  }

  async #giveBackPrefetched(): Promise<void> {
    this.#handlers.clear()
    const waiting = [...this.#prefetched]
    this.#prefetched.clear()
    await giveBack(this.#context.server, this.#home.name, waiting)
    this.#slots.release(waiting.length)
  }

  /** For handlers that do not heed their signal: their late ack is refused, for the token is spent. */
  async #releaseHeld(): Promise<void> {
    const releases = Array.from(this.#held, (task) => (task.isSettled ? Promise.resolve() : task.release()))
    for (const result of await Promise.allSettled(releases)) {
      if (result.status === 'rejected') this.#tell('refused', result.reason)
    }
  }

  /** A listener that throws must not stop the worker: its error surfaces as an uncaught one. */
  #tell<E extends keyof WorkerEvents<T>>(event: E, ...args: WorkerEvents<T>[E]): void {
    try {
      // The overloads of `emit` do not see that E's arguments fit E.
      ;(this.emit as (event: E, ...args: WorkerEvents<T>[E]) => boolean).call(this, event, ...args)
    } catch (error) {
      queueMicrotask(() => {
        throw error
      })
    }
  }

  /** Whether the promise settled within `ms`. */
  async #within(ms: number, promise: Promise<void>): Promise<boolean> {
    const done = new AbortController()
    const sleep = this.#context.clock.sleep(ms, done.signal).then(() => false)
    try {
      return await Promise.race([promise.then(() => true), sleep])
    } finally {
      done.abort()
    }
  }
}

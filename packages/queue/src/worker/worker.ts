import { EventEmitter } from 'node:events'
import { QueueError } from '../errors.ts'
import { requireInteger } from '../options.ts'
import type { Clock } from '../ports.ts'
import type { QueueServer } from '../wire/server.ts'
import { type Tell, tellOf, type WorkerEvents } from './events.ts'
import type { WorkerHome } from './home.ts'
import { type Handler, resolveWorkerOptions, type WorkerOptions } from './options.ts'
import { Runner } from './runner.ts'
import { type CloseOptions, Shutdown } from './shutdown.ts'
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
  /** Tells of each session after a lost one; the returned function ends it. */
  readonly onSession: (listener: () => void) => () => void
  /** The queue closes its workers before anything else. */
  readonly workers: Set<Closable>
}

export interface Closable {
  close(options?: CloseOptions): Promise<void>
}

/** For a handler that gathers tasks, to know what its worker is up to. */
export interface WorkerHooks {
  /** Nothing is taken before it resolves, at the latest by stopsTaking(). It never rejects. */
  readonly begins?: Promise<unknown>
  /** Nothing more comes, for a while or for good. */
  readonly stopsTaking: () => void
  /** close() has waited its grace time. */
  readonly aborts: (reason: QueueError) => void
  /** Nothing is held any more. */
  readonly ends: () => void
}

/**
 * - `running`: takes tasks and runs handlers
 * - `paused`: takes nothing, handlers finish; resume() makes it run again
 * - `draining`: close() was called; takes nothing, handlers finish
 * - `stopped`: nothing is held any more
 */
export type WorkerState = 'running' | 'paused' | 'draining' | 'stopped'

/** Runs a handler for the tasks of one tube; see {@link Tube.work}. */
export class Worker<T = unknown> extends EventEmitter<WorkerEvents<T>> {
  /**
   * Resolves when the worker has stopped. Rejects if it had to stop by itself, because the tube is
   * gone or may not be taken from: nobody listening is an unhandled rejection, not a silent worker.
   */
  readonly finished: Promise<void>
  readonly #tube: string
  readonly #context: WorkerContext
  readonly #hooks: WorkerHooks | undefined
  readonly #slots = new Slots()
  readonly #runner: Runner<T>
  readonly #shutdown: Shutdown
  readonly #tell: Tell<T>
  readonly #unlisten: () => void
  #takeAbort = new AbortController()
  #state: WorkerState = 'running'
  /** Pending while the worker is paused. */
  #resumed: Promise<void> = Promise.resolve()
  #endPause: () => void = () => undefined

  /** Use {@link Tube.work}. */
  constructor(
    home: WorkerHome,
    handler: Handler<T>,
    options: WorkerOptions,
    context: WorkerContext,
    hooks?: WorkerHooks,
  ) {
    super()
    if (typeof handler !== 'function')
      throw new TypeError(`Expected \`handler\` to be a function, got ${typeof handler}`)
    const resolved = resolveWorkerOptions(options)
    const { maxBatch } = context.options
    this.#tube = home.name
    this.#context = context
    this.#hooks = hooks
    this.#tell = tellOf(this)
    this.#runner = new Runner<T>({
      ...context,
      home,
      handler,
      options: resolved,
      maxBatch,
      slots: this.#slots,
      tell: this.#tell,
    })
    this.#shutdown = this.#makeShutdown()
    this.#unlisten = context.onSession(() => {
      this.#runner.renew()
    })
    context.workers.add(this)
    this.finished = this.#run()
  }

  get state(): WorkerState {
    return this.#state
  }

  /** Handlers that run now. */
  get running(): number {
    return this.#runner.running
  }

  /** Tasks that it has asked for or holds: those that wait for a handler or run, and whose outcome is on its way. */
  get held(): number {
    return this.#slots.occupied
  }

  /**
   * Takes nothing more and gives back what is not started, until resume(). Handlers that run go on;
   * resolves when they have ended and their outcome is confirmed, or at resume() or close().
   */
  async pause(): Promise<void> {
    if (this.#state === 'running') {
      this.#state = 'paused'
      this.#resumed = new Promise((resolve) => {
        this.#endPause = resolve
      })
      await this.#stopTaking(new QueueError('QUEUE_CLOSED', 'The worker was paused'))
    }
    if (this.#state === 'paused') await Promise.race([this.#slots.onIdle(), this.#resumed])
  }

  /** Takes tasks again. Does nothing unless the worker is paused. */
  resume(): void {
    if (this.#state !== 'paused') return
    this.#state = 'running'
    this.#takeAbort = new AbortController()
    this.#endPause()
  }

  /**
   * Stops taking, gives back what is not started, and waits up to `graceMs` (default 30 000) for
   * running handlers; then their signals abort, and a second later their tasks are released.
   * A second call joins the first, and its `graceMs` counts if it ends earlier.
   */
  close({ graceMs = 30_000 }: CloseOptions = {}): Promise<void> {
    requireInteger('graceMs', graceMs, 0)
    return this.#shutdown.close(graceMs)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #run(): Promise<void> {
    try {
      if (this.#hooks?.begins !== undefined) await this.#hooks.begins
      while (this.#state === 'running' || this.#state === 'paused') {
        if (this.#state === 'paused') await this.#resumed
        else await this.#take()
      }
    } finally {
      // By itself or by close(): what was taken is finished or given back before the worker counts as stopped.
      await this.close()
    }
  }

  /** Ends when the worker pauses or closes. */
  async #take(): Promise<void> {
    await runTakeLoop({
      ...this.#context,
      tube: this.#tube,
      slots: this.#slots,
      signal: this.#takeAbort.signal,
      limit: () => this.#runner.limit,
      accept: (delivery) => {
        this.#runner.accept(delivery)
      },
      refused: (error) => {
        this.#tell('refused', error)
      },
    })
    // What came in the very turn in which the worker stopped.
    await this.#runner.giveBackWaiting()
  }

  #makeShutdown(): Shutdown {
    return new Shutdown({
      clock: this.#context.clock,
      stopTaking: () => {
        this.#state = 'draining'
        this.#endPause()
        return this.#stopTaking(new QueueError('QUEUE_CLOSED', 'The worker was closed'))
      },
      onIdle: () => this.#slots.onIdle(),
      abort: (text) => {
        const reason = new QueueError('QUEUE_CLOSED', text)
        this.#runner.abort(reason)
        this.#hooks?.aborts(reason)
      },
      release: () => this.#runner.releaseHeld(),
      end: () => {
        this.#state = 'stopped'
        this.#runner.stop()
        this.#hooks?.ends()
        this.#unlisten()
        this.#context.workers.delete(this)
      },
    })
  }

  async #stopTaking(reason: QueueError): Promise<void> {
    this.#takeAbort.abort(reason)
    this.#slots.wake()
    this.#hooks?.stopsTaking()
    await this.#runner.giveBackWaiting()
  }
}

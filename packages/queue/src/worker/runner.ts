import { traceHandler } from '../diagnostics.ts'
import { QueueError } from '../errors.ts'
import type { Clock } from '../ports.ts'
import { giveBack } from '../take/give-back.ts'
import { Task, toTask } from '../task.ts'
import type { QueueServer } from '../wire/server.ts'
import type { Delivery } from '../wire/task-tuple.ts'
import { Attempts } from './attempts.ts'
import type { Tell } from './events.ts'
import { toDecision } from './failing.ts'
import type { WorkerHome } from './home.ts'
import { Intake } from './intake.ts'
import { Lanes } from './lanes.ts'
import type { Handler, ResolvedWorkerOptions } from './options.ts'
import { Again, doneOf, type Outcome, type Sending, sendAgain, sendOutcome } from './outcome.ts'
import { Prefetch } from './prefetch.ts'
import { Retry } from './retry.ts'
import { Run } from './run.ts'
import type { Slots } from './slots.ts'
import { Watch } from './watch.ts'

export interface RunnerOptions<T> {
  readonly home: WorkerHome
  readonly handler: Handler<T>
  readonly options: ResolvedWorkerOptions
  readonly server: QueueServer
  readonly clock: Clock
  readonly maxBatch: number
  readonly slots: Slots
  readonly onReconnect: () => Promise<void>
  readonly tell: Tell<T>
}

/** Tasks whose failures one worker remembers. */
const MAX_REMEMBERED_FAILURES = 100_000

const LEFT: Outcome = Object.freeze({ action: 'left' })
const RELEASE: Outcome = Object.freeze({ action: 'release', delay: 0 })

/**
 * Runs the handler for the tasks that a worker has taken, within its limits, and sends the outcomes.
 *
 *   accept → | waiting | → lanes on p-queue (concurrency): handler → outcome → slot free
 */
export class Runner<T> {
  readonly #runner: RunnerOptions<T>
  readonly #lanes: Lanes<Run<T>>
  readonly #prefetch: Prefetch
  readonly #attempts = new Attempts(MAX_REMEMBERED_FAILURES)
  readonly #intake: Intake
  readonly #retry: Retry
  readonly #watch: Watch<T>
  readonly #sending: Sending
  readonly #sendAbort = new AbortController()
  /** Taken, and not started yet. */
  readonly #waiting = new Set<Run<T>>()
  /** Started, and their outcome not confirmed. */
  readonly #held = new Set<Run<T>>()

  constructor(runner: RunnerOptions<T>) {
    const { clock, onReconnect, options } = runner
    this.#runner = runner
    this.#lanes = new Lanes({
      concurrency: options.concurrency,
      next: () => this.#next(),
      run: (run) => this.#run(run),
    })
    this.#prefetch = new Prefetch(runner.maxBatch, clock.now())
    this.#sending = { clock, onReconnect, signal: this.#sendAbort.signal, memory: { hasFail: true } }
    this.#intake = new Intake({
      read: (delivery) => runner.home.read(delivery),
      admit: (delivery, data) => {
        this.#admit(delivery, data)
      },
      refuse: (delivery, error) => {
        this.#setAside(delivery, error)
      },
    })
    this.#retry = new Retry(options.retryBy, options.retry, (id) => runner.home.info(id))
    this.#watch = this.#makeWatch()
  }

  /** Handlers that run now. */
  get running(): number {
    return this.#lanes.running
  }

  /** Tasks to hold at most. */
  get limit(): number {
    const { concurrency, prefetch } = this.#runner.options
    return concurrency + (prefetch === 'auto' ? this.#prefetch.size : prefetch)
  }

  /** A task has come. Its slot is occupied already, and free when its outcome is confirmed. */
  accept(delivery: Delivery): void {
    this.#intake.accept(delivery)
  }

  /** There is a new session with the server. */
  renew(): void {
    this.#watch.renew()
  }

  /** Returns what has not started. Never rejects. */
  async giveBackWaiting(): Promise<void> {
    await this.#intake.onIdle()
    await this.#giveBack([...this.#waiting])
  }

  /** Tells all handlers to stop, and sends no outcome twice any more. */
  abort(reason: QueueError): void {
    this.#sendAbort.abort(reason)
    for (const run of this.#held) run.abort(reason)
  }

  /** For handlers that do not heed their signal: their late ack is refused, for the token is spent. Never rejects. */
  async releaseHeld(): Promise<void> {
    for (const run of this.#held) if (run.isRunning) this.#tellStalled(run)
    const releases = Array.from(this.#held, ({ task }) => (task.isSettled ? Promise.resolve() : task.release()))
    for (const result of await Promise.allSettled(releases)) {
      if (result.status === 'rejected') this.#runner.tell('refused', result.reason)
    }
  }

  /** Releases every timer and lane, for good. */
  stop(): void {
    this.#lanes.stop()
    this.#watch.stop()
  }

  #makeWatch(): Watch<T> {
    const { home, clock, options, tell } = this.#runner
    return new Watch<T>({
      clock,
      options,
      touch: ({ task: { id }, token }, seconds) => home.settle('queue.touch_many', { id, token }, seconds),
      lost: (run, error) => {
        if (this.#waiting.delete(run)) this.#forgetWaiting(run)
        else run.abort(error)
      },
      overdue: (run) => {
        if (this.#waiting.has(run)) void this.#giveBack([run])
      },
      timedOut: (run) => {
        const text = `The handler of task ${run.task.id} did not end within ${options.timeoutMs ?? 0} ms`
        run.abort(new QueueError('HANDLER_TIMEOUT', text))
      },
      unheeded: (run) => {
        this.#giveUp(run)
      },
      stalled: (run) => {
        this.#tellStalled(run)
      },
      refused: (error) => {
        tell('refused', error)
      },
    })
  }

  #admit(delivery: Delivery, data: unknown): void {
    const run = new Run(toTask<T>(this.#runner.home, delivery, data), delivery.token)
    this.#watch.hold(run)
    this.#waiting.add(run)
    this.#lanes.fill()
  }

  /** For a task whose payload cannot be used: no handler sees it. */
  #setAside(delivery: Delivery, error: unknown): void {
    const { home, tell } = this.#runner
    const run = new Run(new Task<T>(home, delivery), delivery.token)
    run.failure = { error }
    this.#held.add(run)
    tell('undecodable', run.task, error)
    void this.#finish(run, toDecision(home.undecodable))
  }

  #tellStalled(run: Run<T>): void {
    this.#runner.tell('stalled', run.task, this.#runner.clock.now() - run.startedAt)
  }

  #forgetWaiting(run: Run<T>): void {
    this.#watch.drop(run)
    this.#runner.slots.release()
    this.#runner.tell('lost', run.task)
  }

  async #giveBack(runs: readonly Run<T>[]): Promise<void> {
    if (runs.length === 0) return
    for (const run of runs) {
      this.#waiting.delete(run)
      this.#watch.drop(run)
    }
    const { server, home, slots } = this.#runner
    await giveBack(
      server,
      home.name,
      runs.map(({ task: { id }, token }) => ({ id, token })),
    )
    slots.release(runs.length)
  }

  /** The task that has waited longest, which is held from now on. */
  #next(): Run<T> | undefined {
    const run = this.#waiting.values().next().value
    if (run === undefined) return undefined
    this.#waiting.delete(run)
    this.#held.add(run)
    return run
  }

  /** Ends when the handler does; the outcome travels meanwhile. Never rejects. */
  async #run(run: Run<T>): Promise<void> {
    const { clock } = this.#runner
    run.startedAt = clock.now()
    run.attempt = this.#attempts.current(run.task.id)
    run.isRunning = true
    this.#watch.start(run)
    const outcome = await this.#handle(run)
    this.#prefetch.completed(clock.now())
    if (run.isGivenUp) this.#leave(run)
    else void this.#finish(run, outcome)
  }

  async #handle(run: Run<T>): Promise<Outcome> {
    const { handler, options } = this.#runner
    let ended: Again | Outcome
    try {
      const result: unknown = await traceHandler(run.task, run.attempt, () => handler(run.task, run))
      ended = result instanceof Again ? result : doneOf(result, options.complete)
    } catch (error) {
      this.#ended(run)
      return this.#judge(run, error)
    }
    this.#ended(run)
    if (run.task.isSettled) return LEFT
    // A handler that heeds its timeout may return as if it were done.
    if (run.isTimedOut) return this.#judge(run, run.reason)
    if (!(ended instanceof Again)) return ended
    if (!ended.keepsAttempts) this.#attempts.forget(run.task.id)
    return { action: 'release', delay: ended.delay }
  }

  #ended(run: Run<T>): void {
    run.isRunning = false
    this.#watch.end(run)
  }

  /** What becomes of a task whose handler has failed, or stopped because it was told to. Never rejects. */
  async #judge(run: Run<T>, thrown: unknown): Promise<Outcome> {
    if (run.isGivenUp) return LEFT
    return await this.#decide(run, thrown)
  }

  async #decide(run: Run<T>, thrown: unknown): Promise<Outcome> {
    const { task, attempt, reason } = run
    // A handler that stopped because the worker closes, or because its lease is lost, has not failed.
    if (run.isAborted && !run.isTimedOut && !task.isSettled) return RELEASE
    const outcome = task.isSettled ? LEFT : await this.#retry.decide(task.id, attempt)
    if (outcome.action === 'release' || outcome.action === 'policy') this.#attempts.fail(task.id)
    run.failure = { error: run.isTimedOut ? reason : thrown }
    this.#runner.tell('failed', task, run.failure.error, outcome)
    return outcome
  }

  /** Decides without the handler, which keeps its place, and the task's slot, until it ends. */
  #giveUp(run: Run<T>): void {
    run.isGivenUp = true
    void this.#decide(run, run.reason).then((outcome) => this.#finish(run, outcome))
  }

  /** Never rejects. */
  async #finish(run: Run<T>, outcome: Outcome): Promise<void> {
    const { task } = run
    const { tell } = this.#runner
    if (outcome.action !== 'release' && outcome.action !== 'policy') this.#attempts.forget(task.id)
    try {
      let isOurs = true
      try {
        await sendOutcome(task, outcome, run.failure, this.#sending.memory)
      } catch (error) {
        isOurs = await sendAgain(task, outcome, run.failure, this.#sending, error)
      }
      if (!isOurs) tell('lost', task)
      else if (outcome.action === 'ack') tell('completed', task)
    } catch (error) {
      tell('refused', error)
    } finally {
      this.#held.delete(run)
      this.#watch.drop(run)
      this.#leave(run)
    }
  }

  /** Called when the outcome is confirmed, and for one that was given up again when its handler has ended. */
  #leave(run: Run<T>): void {
    if (run.isGivenUp && !run.isOver) run.isOver = true
    else this.#runner.slots.release()
  }
}

import type { QueueError } from '../errors.ts'
import type { Clock } from '../ports.ts'
import { Countdown } from './countdown.ts'
import { Heartbeat } from './heartbeat.ts'
import type { ResolvedWorkerOptions } from './options.ts'
import type { Run } from './run.ts'

export interface WatchOptions<T> {
  readonly clock: Clock
  readonly options: ResolvedWorkerOptions
  readonly touch: (run: Run<T>, seconds: number) => Promise<unknown>
  /** The lease is another's, or over. */
  readonly lost: (run: Run<T>, error: QueueError) => void
  /** It has waited for a handler for so long that another worker should have it. */
  readonly overdue: (run: Run<T>) => void
  /** Its handler has taken longer than `timeoutMs`. */
  readonly timedOut: (run: Run<T>) => void
  /** Its handler goes on though its signal aborted. */
  readonly unheeded: (run: Run<T>) => void
  readonly stalled: (run: Run<T>) => void
  /** Touches are refused for good. */
  readonly refused: (error: unknown) => void
}

/** Milliseconds that an aborted handler has to notice it. */
export const ABORT_GRACE_MS = 1000

/** Share of a ttr after which a waiting task goes back, where there is no heartbeat. */
const WAIT_SHARE = 1 / 3

/** All the time limits of what a worker holds. Each one that is not asked for costs nothing. */
export class Watch<T> {
  readonly #heartbeat: Heartbeat<Run<T>> | undefined
  readonly #waits: Countdown<Run<T>> | undefined
  readonly #timeouts: Countdown<Run<T>> | undefined
  readonly #graces: Countdown<Run<T>> | undefined
  readonly #stalls: Countdown<Run<T>> | undefined

  constructor(watch: WatchOptions<T>) {
    const { clock, options, touch, lost, refused } = watch
    const { ttr, timeoutMs, stalledAfterMs } = options
    if (ttr !== undefined && options.heartbeat) this.#heartbeat = new Heartbeat({ ttr, clock, touch, lost, refused })
    else if (ttr !== undefined) this.#waits = new Countdown(ttr * 1000 * WAIT_SHARE, clock, watch.overdue)
    if (stalledAfterMs !== undefined) this.#stalls = new Countdown(stalledAfterMs, clock, watch.stalled)
    if (timeoutMs === undefined) return
    this.#graces = new Countdown(ABORT_GRACE_MS, clock, watch.unheeded)
    this.#timeouts = new Countdown(timeoutMs, clock, (run) => {
      this.#graces?.add(run)
      watch.timedOut(run)
    })
  }

  /** It has come, and waits. */
  hold(run: Run<T>): void {
    this.#heartbeat?.hold(run)
    this.#waits?.add(run)
  }

  /** Its handler starts. */
  start(run: Run<T>): void {
    this.#waits?.delete(run)
    this.#timeouts?.add(run)
    this.#stalls?.add(run)
  }

  /** Its handler has ended. */
  end(run: Run<T>): void {
    this.#timeouts?.delete(run)
    this.#graces?.delete(run)
    this.#stalls?.delete(run)
  }

  /** It is not held any more. */
  drop(run: Run<T>): void {
    this.#heartbeat?.drop(run)
    this.#waits?.delete(run)
  }

  /** There is a new session with the server. */
  renew(): void {
    this.#heartbeat?.renew()
  }

  /** Releases every timer, for good. */
  stop(): void {
    this.#heartbeat?.stop()
    for (const countdown of [this.#waits, this.#timeouts, this.#graces, this.#stalls]) countdown?.stop()
  }
}

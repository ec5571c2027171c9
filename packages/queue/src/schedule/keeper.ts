import { EventEmitter } from 'node:events'
import { UsageError } from '../errors.ts'
import { requireInteger } from '../options.ts'
import type { Clock } from '../ports.ts'
import type { Schedule, ToppedUp } from '../wire/schedules.ts'
import { isLow, type Times, ticksToAdd } from './times.ts'

/** Options of {@link Schedules.keep}. */
export interface ScheduleKeeperOptions {
  /** Reads a schedule's rule: `cron` of `@tarantella/queue/schedules`. */
  readonly times: (cron: string, tz: string) => Times
  /** Milliseconds between two looks, more or less: keepers of many processes spread. @default 60 000 */
  readonly everyMs?: number
}

/** For observers; a keeper needs no listener to do its work. */
export interface ScheduleKeeperEvents {
  /** A schedule has new ticks. */
  toppedUp: [name: string, added: number]
  /** It could not be topped up, or without a name, the list could not be had; the keeper goes on. */
  refused: [error: unknown, name: string | undefined]
}

/** What a keeper needs of the schedules it keeps. */
export interface KeptSchedules {
  list(): AsyncIterable<Schedule>
  topUp(name: string, ticks: readonly Date[]): Promise<ToppedUp>
}

/** What a keeper needs of its queue. */
export interface KeeperContext {
  readonly clock: Clock
  /** Milliseconds since 1970. */
  readonly wall: () => number
  /** Tells of each session after a lost one; the returned function ends it. */
  readonly onSession: (listener: () => void) => () => void
  /** The queue closes its keepers before anything else. */
  readonly workers: Set<{ close(): Promise<void> }>
}

/** The share of the pause that is left to chance. */
const JITTER = 0.5

/**
 * Tops up all schedules that go by a rule, in time before their ticks run out. Any number of processes may keep the
 * same schedules, for a top-up may be repeated. Its timer does not hold the process.
 */
export class ScheduleKeeper extends EventEmitter<ScheduleKeeperEvents> {
  readonly #schedules: KeptSchedules
  readonly #options: Required<ScheduleKeeperOptions>
  readonly #context: KeeperContext
  readonly #abort = new AbortController()
  readonly #unlisten: () => void
  readonly #finished: Promise<void>
  #wake: AbortController = new AbortController()

  /** Use {@link Schedules.keep}. Starts at once. */
  constructor(schedules: KeptSchedules, { times, everyMs = 60_000 }: ScheduleKeeperOptions, context: KeeperContext) {
    super()
    requireInteger('everyMs', everyMs, 1)
    this.#schedules = schedules
    this.#options = { times, everyMs }
    this.#context = context
    // While the connection was lost nobody has looked.
    this.#unlisten = context.onSession(() => {
      this.#wake.abort()
    })
    context.workers.add(this)
    this.#finished = this.#run()
  }

  /** Stops; what it has asked for is waited for. */
  async close(): Promise<void> {
    this.#abort.abort()
    this.#wake.abort()
    this.#unlisten()
    this.#context.workers.delete(this)
    await this.#finished
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    const { clock } = this.#context
    while (!this.#isClosed) {
      await this.#look()
      const pause = this.#options.everyMs * (1 - JITTER / 2 + JITTER * Math.random())
      await clock.sleep(pause, this.#wake.signal)
      this.#wake = new AbortController()
    }
  }

  get #isClosed(): boolean {
    return this.#abort.signal.aborted
  }

  async #look(): Promise<void> {
    try {
      for await (const schedule of this.#schedules.list()) {
        if (this.#isClosed) return
        if (isLow(schedule, this.#context.wall())) await this.#topUp(schedule)
      }
    } catch (error) {
      this.#tell('refused', error, undefined)
    }
  }

  async #topUp(schedule: Schedule): Promise<void> {
    const { name, cron, tz } = schedule
    try {
      if (cron === undefined) throw ruleless(name)
      const times = this.#options.times(cron, tz ?? 'UTC')
      const ticks = ticksToAdd(times, { ...schedule, cron: times.cron, tz: times.tz }, this.#context.wall())
      if (ticks.length === 0) return
      const { added } = await this.#schedules.topUp(name, ticks)
      if (added > 0) this.#tell('toppedUp', name, added)
    } catch (error) {
      this.#tell('refused', error, name)
    }
  }

  /** A listener that throws must not stop the keeper: its error surfaces as an uncaught one. */
  #tell<E extends keyof ScheduleKeeperEvents>(event: E, ...args: ScheduleKeeperEvents[E]): void {
    try {
      // The overloads of `emit` do not see that the arguments fit the event.
      ;(this.emit as (event: string, ...args: unknown[]) => boolean).call(this, event, ...args)
    } catch (error) {
      queueMicrotask(() => {
        throw error
      })
    }
  }
}

function ruleless(name: string): UsageError {
  return new UsageError('INVALID_ARGUMENT', `Schedule ${name} has a list of ticks without a rule: top it up yourself`)
}

import { expected, type PutOptions, requireInteger, requireSeconds, requireText, toWirePutOptions } from '../options.ts'
import { type CatchUp, type Schedule, type ToppedUp, toSchedule, toToppedUp } from '../wire/schedules.ts'
import type { QueueServer } from '../wire/server.ts'
import { type TaskStatus, toStatus, unexpected } from '../wire/task-tuple.ts'
import { type KeeperContext, ScheduleKeeper, type ScheduleKeeperOptions } from './keeper.ts'
import { type Times, ticksToAdd } from './times.ts'

interface ScheduleFields {
  /** Where its tasks go. */
  readonly tube: string
  /** The tasks' payload. */
  readonly data?: unknown
  /** Options of each put; ticks say when. */
  readonly put?: Omit<PutOptions, 'at'>
  /** Of ticks that were missed, while the server was down. @default 'last' */
  readonly catchUp?: CatchUp
  /** With `catchUp: 'none'`: seconds by which a tick may be late and is put all the same. @default 60 */
  readonly grace?: number
  /** How many tasks are put at most. @default no limit */
  readonly limit?: number
  /** The moment after which there are none. */
  readonly ends?: Date
  /** If there is one of this name: `replace` it, `keep` it as it is, or `error` (`SCHEDULE_EXISTS`). @default 'replace' */
  readonly ifExists?: 'replace' | 'keep' | 'error'
}

/** A task every so many seconds; the server needs no client for it. */
export interface PeriodOptions extends ScheduleFields {
  /** Seconds, 0.01 or more. */
  readonly every: number
  /** The moment that periods are counted from; a future one is the first tick. @default now */
  readonly anchor?: Date
  readonly times?: never
}

/** A task at the moments of a rule; a {@link ScheduleKeeper} keeps the server in them. */
export interface TimesOptions extends ScheduleFields {
  readonly times: Times
  readonly every?: never
  readonly anchor?: never
}

/** What {@link Schedules.set} takes. */
export type ScheduleOptions = PeriodOptions | TimesOptions

/** What the schedules need of their queue. */
export interface SchedulesContext extends KeeperContext {
  readonly server: QueueServer
}

const PAGE = 1000

/**
 * Recurring tasks: the server puts one a tick, over restarts, crashes and changes of the master, none twice and none
 * lost. Needs the role producer. {@link Queue.schedules} has one.
 */
export class Schedules {
  readonly #context: SchedulesContext

  /** Use {@link Queue.schedules}. */
  constructor(context: SchedulesContext) {
    this.#context = context
  }

  /**
   * Makes or changes a schedule. One that has the same time already goes on where it is, so that each process may
   * say it when it starts; a pause stays. Rejects with `TUBE_NOT_FOUND`, `SCHEDULE_EXISTS`, `TOO_MANY_SCHEDULES`.
   */
  async set(name: string, options: ScheduleOptions): Promise<Schedule> {
    requireText('name', name)
    const fields = toWireFields(options)
    const { times } = options
    if (times !== undefined) {
      const ticks = ticksToAdd(times, await this.get(name), this.#context.wall())
      Object.assign(fields, { cron: times.cron, tz: times.tz, ticks: ticks.map(toSeconds) })
    }
    return toSchedule(await this.#call('queue.schedule', [name, fields]))
  }

  /** The schedule of this name, with its data. */
  async get(name: string): Promise<Schedule | undefined> {
    requireText('name', name)
    const found = await this.#call('queue.schedule_get', [name])
    return found === undefined || found === null ? undefined : toSchedule(found)
  }

  /** All schedules in the order of their names, without data, page by page. */
  async *list(): AsyncGenerator<Schedule, void, undefined> {
    for (let after: string | undefined; ; ) {
      const page = await this.#call('queue.schedules', [{ limit: PAGE, ...(after === undefined ? {} : { after }) }])
      if (!Array.isArray(page)) throw unexpected('an array of schedules', page)
      const schedules = page.map(toSchedule)
      yield* schedules
      after = schedules.at(-1)?.name
      if (schedules.length < PAGE) return
    }
  }

  /** Ends a schedule; its tasks that were put stay. Resolves with whether there was one. */
  async remove(name: string): Promise<boolean> {
    requireText('name', name)
    return (await this.#call('queue.unschedule', [name])) === true
  }

  /** Puts nothing until {@link resume}. Rejects with `SCHEDULE_NOT_FOUND`. */
  async pause(name: string): Promise<Schedule> {
    requireText('name', name)
    return toSchedule(await this.#call('queue.schedule_pause', [name]))
  }

  /** Goes on with the next tick; those of the pause are passed over. */
  async resume(name: string): Promise<Schedule> {
    requireText('name', name)
    return toSchedule(await this.#call('queue.schedule_resume', [name]))
  }

  /** Puts its task now, besides the ticks. */
  async run(name: string): Promise<TaskStatus> {
    requireText('name', name)
    return toStatus(await this.#call('queue.schedule_run', [name]))
  }

  /** Appends ticks to a list; those that are not later than all known ones are left out, so it may be repeated. */
  async topUp(name: string, ticks: readonly Date[]): Promise<ToppedUp> {
    requireText('name', name)
    return toToppedUp(await this.#call('queue.schedule_top_up', [name, ticks.map(toSeconds)]))
  }

  /** Keeps the server in ticks of all schedules with `times`. In one process or in all; the queue's close() ends it. */
  keep(options: ScheduleKeeperOptions): ScheduleKeeper {
    return new ScheduleKeeper(this, options, this.#context)
  }

  async #call(fn: string, args: readonly unknown[]): Promise<unknown> {
    return (await this.#context.server.call(fn, args))[0]
  }
}

function toWireFields(options: ScheduleOptions): Record<string, unknown> {
  const { tube, data, put = {}, catchUp, grace, limit, ends, ifExists, every, anchor, times } = options
  requireText('tube', tube)
  if ((every === undefined) === (times === undefined)) throw expected('every', 'seconds, or `times` instead', every)
  if ('at' in put && put.at !== undefined) throw expected('put.at', 'absent: ticks say when', put.at)
  if (every !== undefined) requireSeconds('every', every)
  if (grace !== undefined) requireSeconds('grace', grace)
  if (limit !== undefined) requireInteger('limit', limit, 1)
  return defined({
    tube,
    data,
    opts: toWirePutOptions(put),
    every,
    anchor: anchor === undefined ? undefined : toSeconds(anchor, 'anchor'),
    catch_up: catchUp,
    grace,
    limit,
    ends: ends === undefined ? undefined : toSeconds(ends, 'ends'),
    if_exists: ifExists,
  })
}

function defined(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}

function toSeconds(date: Date, name: unknown = 'ticks'): number {
  if (date instanceof Date && !Number.isNaN(date.getTime())) return date.getTime() / 1000
  throw expected(typeof name === 'string' ? name : 'ticks', 'a valid Date', date)
}

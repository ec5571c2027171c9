import { unexpected } from './task-tuple.ts'

/** What the server puts of ticks that were missed: none, the last one, or all of them, one after another. */
export type CatchUp = 'none' | 'last' | 'all'

/**
 * - `active`: its next tick is known
 * - `paused`: by {@link Schedules.pause}
 * - `dry`: a list without ticks to come; nobody has topped it up
 * - `ended`: by its `limit` or `ends`, or as a cron expression ends; it stands until it is removed
 */
export type ScheduleState = 'active' | 'paused' | 'dry' | 'ended'

/** A schedule as the server has it. */
export interface Schedule {
  readonly name: string
  readonly tube: string
  readonly state: ScheduleState
  /** By a period, or by a list of moments. */
  readonly kind: 'every' | 'ticks'
  /** Seconds. */
  readonly every?: number
  readonly anchor?: Date
  readonly cron?: string
  readonly tz?: string
  /** Of a list: ticks to come, and the last one. */
  readonly ticksLeft?: number
  readonly lastKnown?: Date
  readonly catchUp: CatchUp
  /** Seconds; with `catchUp: 'none'` a tick may be late by as much. */
  readonly grace: number
  readonly limit?: number
  readonly ends?: Date
  readonly next?: Date
  readonly last?: Date
  /** Ticks that were put. */
  readonly count: number
  /** Tries in a row that could not put a task, and why the last one could not. */
  readonly errors: number
  readonly error?: string
  /** Options of its puts, by the server's names. */
  readonly opts?: Readonly<Record<string, unknown>>
  /** Absent in lists. */
  readonly data?: unknown
}

/** The answer of `queue.schedule_top_up`. */
export interface ToppedUp {
  readonly added: number
  readonly ticksLeft: number
  readonly lastKnown: Date | undefined
}

const NAMES = {
  name: 'name',
  tube: 'tube',
  state: 'state',
  kind: 'kind',
  every: 'every',
  cron: 'cron',
  tz: 'tz',
  ticks_left: 'ticksLeft',
  catch_up: 'catchUp',
  grace: 'grace',
  limit: 'limit',
  count: 'count',
  errors: 'errors',
  error: 'error',
  opts: 'opts',
  data: 'data',
} as const

const MOMENTS = { anchor: 'anchor', last_known: 'lastKnown', ends: 'ends', next: 'next', last: 'last' } as const

/** Seconds since 1970 → moment. The server has microseconds, a Date has milliseconds. */
function toDate(seconds: unknown): Date | undefined {
  return typeof seconds === 'number' ? new Date(Math.round(seconds * 1000)) : undefined
}

/** A map of the server's names and seconds → schedule. */
export function toSchedule(value: unknown): Schedule {
  if (typeof value !== 'object' || value === null) throw unexpected('a schedule', value)
  // Read by name below; `name` and `tube` prove that it is one.
  const map = value as Readonly<Record<string, unknown>>
  if (typeof map['name'] !== 'string' || typeof map['tube'] !== 'string') throw unexpected('a schedule', value)
  const schedule: Record<string, unknown> = {}
  for (const [wire, name] of Object.entries(NAMES)) {
    if (map[wire] !== undefined && map[wire] !== null) schedule[name] = map[wire]
  }
  for (const [wire, name] of Object.entries(MOMENTS)) {
    const moment = toDate(map[wire])
    if (moment !== undefined) schedule[name] = moment
  }
  // The fields that the server always sends are in NAMES, and it knows their types.
  return schedule as unknown as Schedule
}

/** `{added, ticks_left, last_known}` */
export function toToppedUp(value: unknown): ToppedUp {
  // Each field is checked below.
  const { added, ticks_left, last_known } = (value ?? {}) as Readonly<Record<string, unknown>>
  if (typeof added !== 'number' || typeof ticks_left !== 'number') {
    throw unexpected('an answer {added, ticks_left, last_known}', value)
  }
  return { added, ticksLeft: ticks_left, lastKnown: toDate(last_known) }
}

import { expected } from '../options.ts'
import { instantsOf, localAt, requireZone } from './zone-clock.ts'

/** Options of {@link scheduleLocal}. */
export interface ScheduleLocalOptions {
  /** What the clocks show: `HH:MM`, `HH:MM:SS` or `HH:MM:SS.mmm`. */
  readonly time: string
  /** Name of the time zone, such as `Europe/Berlin`. */
  readonly tz: string
  /** `YYYY-MM-DD`, 1970 to 9999. @default the first day on which the time is still to come */
  readonly date?: string
  /**
   * For a time that the clocks pass over when they are put forward: the `end` of the gap, which is the first
   * moment after it, or `shift`: as much later as they are put forward. @default 'end'
   */
  readonly gap?: 'end' | 'shift'
  /** For a time that comes twice when clocks are put back. @default 'first' */
  readonly overlap?: 'first' | 'last'
  /** From when on to look for a day. @default now */
  readonly now?: Date
}

const DAY_MS = 86_400_000
const TIME = /^([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:\.(\d{3}))?)?$/
const DATE = /^(19[7-9]\d|[2-9]\d{3})-(\d{2})-(\d{2})$/
/** A zone that crosses the date line has passed over a day; none has passed over two. */
const MAX_DAYS = 4

/**
 * The moment at which the clocks of a zone show a time, for `put`'s option `at`. It is computed from the rules that
 * this Node.js knows (`process.versions.tz`); compute it as late as you can, for countries change them.
 * Throws a `UsageError` for what is no time, date or zone.
 *
 * @example
 * await tube.put(push, { at: scheduleLocal({ time: '09:00', tz: user.zone }), ttl: 1800 })
 */
export function scheduleLocal(options: ScheduleLocalOptions): Date {
  const { tz, date, now = new Date() } = options
  const time = parseTime(options.time)
  requireZone(tz)
  requireOneOf('gap', options.gap, ['end', 'shift'])
  requireOneOf('overlap', options.overlap, ['first', 'last'])
  if (!(now instanceof Date) || Number.isNaN(now.getTime())) throw expected('now', 'a valid Date', now)
  if (date !== undefined) return new Date(momentOf(parseDate(date) + time, options))
  const today = dayOf(localAt(now.getTime(), tz))
  for (let day = today; day < today + MAX_DAYS * DAY_MS; day += DAY_MS) {
    const moment = momentOf(day + time, options)
    // The time of a day that is passed over, or of the end of one, is no time of another day.
    if (moment > now.getTime() && dayOf(localAt(moment, tz)) === day) return new Date(moment)
  }
  throw expected('time', `a time that comes within ${MAX_DAYS} days in ${tz}`, options.time)
}

/** @param local as zone-clock.ts has it */
function momentOf(local: number, { tz, gap = 'end', overlap = 'first' }: ScheduleLocalOptions): number {
  const { at, byFormerOffset, gapEnd } = instantsOf(local, tz)
  const found = overlap === 'first' ? at[0] : at.at(-1)
  if (found !== undefined) return found
  return gap === 'end' && gapEnd !== undefined ? gapEnd : byFormerOffset
}

function dayOf(local: number): number {
  return Math.floor(local / DAY_MS) * DAY_MS
}

/** @returns milliseconds since midnight */
function parseTime(text: unknown): number {
  const match = typeof text === 'string' ? TIME.exec(text) : null
  if (match === null) throw expected('time', 'HH:MM, HH:MM:SS or HH:MM:SS.mmm', text)
  const [, hours, minutes, seconds = 0, ms = 0] = match
  return ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000 + Number(ms)
}

/** @returns its midnight, as zone-clock.ts has local time */
function parseDate(text: unknown): number {
  const match = typeof text === 'string' ? DATE.exec(text) : null
  const midnight = match === null ? Number.NaN : Date.parse(`${match[0]}T00:00:00Z`)
  // Date.parse takes February 31st for March 3rd.
  if (Number.isNaN(midnight) || new Date(midnight).toISOString().slice(0, 10) !== text) {
    throw expected('date', 'a date YYYY-MM-DD from 1970 on', text)
  }
  return midnight
}

function requireOneOf(name: string, value: unknown, words: readonly string[]): void {
  if (value === undefined || (typeof value === 'string' && words.includes(value))) return
  throw expected(name, words.map((word) => `'${word}'`).join(' or '), value)
}

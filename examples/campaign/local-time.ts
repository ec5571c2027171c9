import { Temporal } from '@js-temporal/polyfill'

/** The hour of the recipients' own clocks at which the push is due. */
const LOCAL_TIME = Temporal.PlainTime.from('09:00')
const DAY_MS = 86_400_000

/** Whether `name` is a time zone by its IANA name; offsets (`+03:00`) are none, for they know no daylight saving time. */
export function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch (error) {
    if (error instanceof RangeError) return false
    throw error
  }
}

/**
 * The instant at which clocks in `zone` show 09:00 on `date`, by the rules that hold there on that date. Where clocks
 * pass over 09:00, or over the whole date, it is as much later as they are put forward.
 *
 * @param date `2026-11-21`
 * @returns milliseconds since 1970
 */
export function localMorning(zone: string, date: string): number {
  const day = Temporal.PlainDate.from(date)
  return day.toZonedDateTime({ timeZone: zone, plainTime: LOCAL_TIME }).epochMilliseconds
}

/** @returns the day after `now` (milliseconds since 1970) by UTC's calendar, `2026-11-22` */
export function dayAfter(now: number): string {
  return new Date(now + DAY_MS).toISOString().slice(0, 10)
}

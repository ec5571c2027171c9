import { expected } from '../options.ts'

/*
 * Local time here is a number: milliseconds as Date.UTC() makes them of what the zone's clocks show. Node has the
 * zones' rules (ICU); Intl is the way to ask them, one formatter a zone.
 */

const DAY_MS = 86_400_000
const SECOND_MS = 1000
/** There are some 600 names of zones; more can only be spellings. */
const MAX_FORMATTERS = 1000
const formatters = new Map<string, Intl.DateTimeFormat>()

/** Where a local time falls between the zone's rules. */
export interface Instants {
  /** When the clocks show it, ms since 1970: none in a gap, two in an overlap, ascending. */
  readonly at: readonly number[]
  /** By the offset that held a day before; in a gap this is as much later as the clocks were put forward. */
  readonly byFormerOffset: number
  /** Of a gap: the first moment after it. */
  readonly gapEnd: number | undefined
}

/** The instants at which clocks in `tz` show `local`. */
export function instantsOf(local: number, tz: string): Instants {
  const zone = formatterOf(tz)
  const before = offsetAt(zone, local - DAY_MS)
  const after = offsetAt(zone, local + DAY_MS)
  const candidates = before === after ? [local - before] : [local - before, local - after]
  const at = candidates.filter((instant) => instant + offsetAt(zone, instant) === local).sort((a, b) => a - b)
  const gapEnd = at.length === 0 ? changeBetween(zone, local - DAY_MS, local + DAY_MS) : undefined
  return { at, byFormerOffset: local - before, gapEnd }
}

/** What clocks in `tz` show at an instant. */
export function localAt(instant: number, tz: string): number {
  return instant + offsetAt(formatterOf(tz), instant)
}

/** Throws a `UsageError` for what is no zone. */
export function requireZone(tz: unknown): asserts tz is string {
  if (typeof tz !== 'string' || tz === '') throw expected('tz', "a time zone such as 'Europe/Paris'", tz)
  formatterOf(tz)
}

/** The first whole second with another offset; there is one, and zones change at whole seconds. */
function changeBetween(zone: Intl.DateTimeFormat, from: number, to: number): number {
  const offset = offsetAt(zone, from)
  let low = Math.floor(from / SECOND_MS)
  let high = Math.ceil(to / SECOND_MS)
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (offsetAt(zone, middle * SECOND_MS) === offset) low = middle
    else high = middle
  }
  return high * SECOND_MS
}

/** Local time minus UTC, ms. */
function offsetAt(zone: Intl.DateTimeFormat, instant: number): number {
  const shown: Partial<Record<Intl.DateTimeFormatPartTypes, number>> = {}
  for (const { type, value } of zone.formatToParts(instant)) shown[type] = Number(value)
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = shown
  const whole = Math.floor(instant / SECOND_MS) * SECOND_MS
  return Date.UTC(year, month - 1, day, hour, minute, second) - whole
}

function formatterOf(tz: string): Intl.DateTimeFormat {
  const known = formatters.get(tz)
  if (known !== undefined) return known
  const made = makeFormatter(tz)
  if (formatters.size >= MAX_FORMATTERS) formatters.clear()
  formatters.set(tz, made)
  return made
}

function makeFormatter(tz: string): Intl.DateTimeFormat {
  const two = '2-digit'
  try {
    return new Intl.DateTimeFormat('en-US', {
      timeZone: tz,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: 'numeric',
      month: two,
      day: two,
      hour: two,
      minute: two,
      second: two,
    })
  } catch (error) {
    if (error instanceof RangeError) throw expected('tz', "a time zone such as 'Europe/Paris'", tz)
    throw error
  }
}

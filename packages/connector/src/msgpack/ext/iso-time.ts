import { UsageError } from '../../errors.ts'
import { civilFromDays, daysFromCivil, daysInMonth } from './civil-date.ts'

/*
 * text   = date "T" hh ":" mm [":" ss ["." 1 to 9 digits]] offset
 * date   = year "-" MM "-" DD
 * year   = 4 digits | ("+" | "-") 6 or 7 digits, not -000000
 * offset = "Z" | ("+" | "-") hh [[":"] mm]
 */
const ISO =
  /^(\d{4}|[+-]\d{6,7})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(?:Z|([+-])(\d\d)(?::?(\d\d))?)$/i

const SECONDS_PER_DAY = 86_400

/** An instant and the offset at which it is written; see `DateTimeParts`. */
export interface IsoTime {
  readonly seconds: number
  readonly nsec: number
  /** Minutes east of UTC. */
  readonly tzoffset: number
}

/** Throws a `UsageError` for text of another form, and for a day or an hour that does not exist. */
export function parseIso(text: string): IsoTime {
  const match = ISO.exec(text)
  if (match === null) throw notIso(text, 'a zone is needed, Z or an offset')
  const [, yearText = '', monthText, dayText, hourText, minuteText, secondText, fraction = '', sign] = match
  const year = Number(yearText)
  const month = Number(monthText)
  const day = Number(dayText)
  const hour = Number(hourText)
  const minute = Number(minuteText)
  const second = Number(secondText ?? 0)
  if (Object.is(year, -0)) throw notIso(text, 'the year 0 has no sign')
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) throw notIso(text, 'there is no such day')
  if (hour > 23 || minute > 59 || second > 59) throw notIso(text, 'there is no such time of day')
  const offsetMinute = Number(match[10] ?? 0)
  if (offsetMinute > 59) throw notIso(text, 'there is no such offset')
  const offset = Number(match[9] ?? 0) * 60 + offsetMinute
  const tzoffset = sign === '-' ? -offset : offset
  const local = daysFromCivil({ year, month, day }) * SECONDS_PER_DAY + hour * 3_600 + minute * 60 + second
  return { seconds: local - tzoffset * 60, nsec: Number(fraction.padEnd(9, '0')), tzoffset }
}

function notIso(text: string, why: string): UsageError {
  const shown = text.slice(0, 80)
  return new UsageError(
    'INVALID_ARGUMENT',
    `Expected ISO text such as '2024-02-29T12:00:00.5+05:45', got \`${shown}\`: ${why}`,
  )
}

export function formatIso({ seconds, nsec, tzoffset }: IsoTime): string {
  const local = seconds + tzoffset * 60
  const days = Math.floor(local / SECONDS_PER_DAY)
  const time = local - days * SECONDS_PER_DAY
  const { year, month, day } = civilFromDays(days)
  const date = `${formatYear(year)}-${digits(month, 2)}-${digits(day, 2)}`
  const clock = `${digits(Math.floor(time / 3_600), 2)}:${digits(Math.floor(time / 60) % 60, 2)}:${digits(time % 60, 2)}`
  return `${date}T${clock}${formatFraction(nsec)}${formatOffset(tzoffset)}`
}

function formatYear(year: number): string {
  if (year >= 0 && year <= 9_999) return digits(year, 4)
  return `${year < 0 ? '-' : '+'}${digits(Math.abs(year), 6)}`
}

/** Groups of three digits, as the server prints them. */
function formatFraction(nsec: number): string {
  if (nsec === 0) return ''
  return `.${digits(nsec, 9).replace(/(?:000){1,2}$/, '')}`
}

function formatOffset(tzoffset: number): string {
  if (tzoffset === 0) return 'Z'
  const minutes = Math.abs(tzoffset)
  return `${tzoffset < 0 ? '-' : '+'}${digits(Math.floor(minutes / 60), 2)}:${digits(minutes % 60, 2)}`
}

function digits(value: number, size: number): string {
  return String(value).padStart(size, '0')
}

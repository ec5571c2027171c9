import { UsageError } from '../../errors.ts'
import { writeInteger } from '../numbers.ts'
import { type ExtCodec, invalidPayload } from './codec.ts'
import { beginExt, endExt } from './header.ts'

/*
 * payload = count: uint8, then `count` pairs of (field id: uint8, value: int); a field that is 0 is left out
 *   0 year, 1 month, 2 week, 3 day, 4 hour, 5 min, 6 sec, 7 nsec, 8 adjust
 */

const TYPE = 6
const ADJUST_ID = 8

/** Fields by their ids, with the largest value that the server takes, either way. */
const FIELDS = [
  { name: 'year', limit: 11_759_221, plural: 'years' },
  { name: 'month', limit: 141_110_652, plural: 'months' },
  { name: 'week', limit: 613_579_352, plural: 'weeks' },
  { name: 'day', limit: 4_295_055_470, plural: 'days' },
  { name: 'hour', limit: 103_081_331_286, plural: 'hours' },
  { name: 'min', limit: 6_184_879_877_160, plural: 'minutes' },
  { name: 'sec', limit: 371_092_792_629_600, plural: 'seconds' },
  { name: 'nsec', limit: 2_147_483_647, plural: 'nanoseconds' },
] as const

/** By the numbers that they have on the wire. */
const ADJUSTS = ['excess', 'none', 'last'] as const

/**
 * What becomes of January 31 plus a month: `none` the last day of February (the server's default),
 * `excess` March 2 or 3, `last` as `none`, and from the last day of a month always to the last of the other.
 */
export type IntervalAdjust = (typeof ADJUSTS)[number]

/** Whole numbers of either sign; what is left out is 0, and `adjust` is `none`. */
export interface IntervalFields {
  readonly year?: number | undefined
  readonly month?: number | undefined
  readonly week?: number | undefined
  readonly day?: number | undefined
  readonly hour?: number | undefined
  readonly min?: number | undefined
  readonly sec?: number | undefined
  readonly nsec?: number | undefined
  readonly adjust?: IntervalAdjust | undefined
}

/** A span of calendar time that the server adds to a datetime, field by field. Server: >= 2.10. */
export class Interval {
  readonly year: number
  readonly month: number
  readonly week: number
  readonly day: number
  readonly hour: number
  readonly min: number
  readonly sec: number
  readonly nsec: number
  readonly adjust: IntervalAdjust

  /** Throws a `UsageError` if a field is no integer or beyond what the server takes. */
  constructor(fields: IntervalFields = {}) {
    for (const { name, limit } of FIELDS) checkField(name, fields[name] ?? 0, limit)
    this.year = fields.year ?? 0
    this.month = fields.month ?? 0
    this.week = fields.week ?? 0
    this.day = fields.day ?? 0
    this.hour = fields.hour ?? 0
    this.min = fields.min ?? 0
    this.sec = fields.sec ?? 0
    this.nsec = fields.nsec ?? 0
    this.adjust = fields.adjust ?? 'none'
    if (!ADJUSTS.includes(this.adjust)) {
      throw new UsageError('INVALID_ARGUMENT', `Expected \`adjust\` to be excess, none or last, got \`${this.adjust}\``)
    }
  }

  /** Whether all fields are the same; a week is not seven days here, for the server keeps them apart. */
  equals(other: Interval): boolean {
    return this.adjust === other.adjust && FIELDS.every(({ name }) => this[name] === other[name])
  }

  /** As the server prints it: `+1 years, -3 weeks, 77 days`. */
  toString(): string {
    const parts: string[] = []
    for (const { name, plural } of FIELDS) {
      if (this[name] !== 0 || (name === 'sec' && parts.length === 0)) parts.push(`${this[name]} ${plural}`)
    }
    const text = parts.join(', ')
    return text.startsWith('-') ? text : `+${text}`
  }

  /** The fields that are not 0, and `adjust`; the constructor takes them back. */
  toJSON(): IntervalFields {
    const set = FIELDS.filter(({ name }) => this[name] !== 0).map(({ name }) => [name, this[name]] as const)
    return { ...Object.fromEntries(set), adjust: this.adjust }
  }
}

function checkField(name: string, value: number, limit: number): void {
  if (Number.isInteger(value) && Math.abs(value) <= limit) return
  throw new UsageError(
    'INVALID_ARGUMENT',
    `Expected \`${name}\` to be an integer within ±${limit}, got \`${String(value)}\` (${typeof value})`,
  )
}

export const intervalCodec: ExtCodec<Interval> = {
  type: TYPE,
  name: 'an interval',
  class: Interval,

  read(reader, depth, readNested) {
    // A field that is not there is 0, and 0 as adjust is `excess`.
    const fields: { -readonly [Name in keyof IntervalFields]: IntervalFields[Name] } = { adjust: 'excess' }
    for (let left = reader.u8(); left > 0; left--) {
      const id = reader.u8()
      const read = readNested(reader, depth)
      const value = typeof read === 'bigint' ? Number(read) : read
      if (typeof value !== 'number') throw invalidPayload(this.name, `its field ${id} is not an integer`)
      const field = FIELDS[id]
      if (field !== undefined) fields[field.name] = value
      else if (id === ADJUST_ID && value in ADJUSTS) fields.adjust = ADJUSTS[value]
      else throw invalidPayload(this.name, `it has the unknown field ${id} = ${value}`)
    }
    return new Interval(fields)
  },

  write(writer, value) {
    const start = beginExt(writer)
    const countAt = writer.length
    writer.byte(0)
    let count = 0
    for (const [id, { name }] of FIELDS.entries()) {
      if (value[name] === 0) continue
      writer.byte(id)
      writeInteger(writer, value[name])
      count++
    }
    const adjust = ADJUSTS.indexOf(value.adjust)
    if (adjust !== 0) {
      writer.byte(ADJUST_ID)
      writer.byte(adjust)
      count++
    }
    writer.buffer[countAt] = count
    endExt(writer, start, TYPE)
  },
}

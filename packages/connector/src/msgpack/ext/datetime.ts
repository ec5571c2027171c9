import { UsageError } from '../../errors.ts'
import { type ExtCodec, invalidPayload } from './codec.ts'
import { writeExtHeader } from './header.ts'
import { formatIso, parseIso } from './iso-time.ts'

/*
 * payload = seconds: int64 LE                                       if all others are 0
 *         | seconds: int64 LE, nsec: int32 LE, tzoffset: int16 LE, tzindex: int16 LE
 */

const TYPE = 4
const SHORT = 8
const LONG = 16

const NS_PER_SECOND = 1_000_000_000
/** What the server's calendar holds: -5879610-06-22T00:00:00Z … */
const MIN_SECONDS = -185_604_722_870_400
/** … to 5879611-07-11T00:00:00Z. */
const MAX_SECONDS = 185_480_451_417_600
/** Farthest instants of a Date from 1970. */
const MAX_DATE_MS = 8_640_000_000_000_000

/** What a {@link DateTime} is made of; what is left out is 0. */
export interface DateTimeParts {
  /** Whole seconds since 1970-01-01T00:00:00Z, rounded down: one nanosecond before is -1 and 999 999 999 ns. */
  readonly seconds: number | bigint
  /** 0 to 999 999 999 */
  readonly nsec?: number | undefined
  /** Minutes east of UTC, -720 to 840: how the instant is shown, not which it is. */
  readonly tzoffset?: number | undefined
  /** The server's number of a zone's name, 0 for none; use one that the server gave. */
  readonly tzindex?: number | undefined
}

/**
 * An instant to the nanosecond, with the offset at which it is shown. Server: >= 2.10.
 * Years from -5879610 to 5879611, as the server has them.
 */
export class DateTime {
  readonly seconds: number
  readonly nsec: number
  readonly tzoffset: number
  readonly tzindex: number

  /** Throws a `UsageError` if a part is out of its range. */
  constructor({ seconds, nsec = 0, tzoffset = 0, tzindex = 0 }: DateTimeParts) {
    this.seconds = integer('seconds', typeof seconds === 'bigint' ? Number(seconds) : seconds, MIN_SECONDS, MAX_SECONDS)
    this.nsec = integer('nsec', nsec, 0, NS_PER_SECOND - 1)
    this.tzoffset = integer('tzoffset', tzoffset, -720, 840)
    this.tzindex = integer('tzindex', tzindex, 0, 0x7fff)
  }

  /**
   * From a Date, or from ISO text with its zone and up to 9 digits of fraction: `2024-02-29T12:00:00.5+05:45`,
   * `…Z`. Text keeps its offset; years beyond 0000 to 9999 are written `+012345`.
   * Throws a `UsageError` for an invalid Date, another text, or a day that does not exist.
   */
  static from(value: Date | string): DateTime {
    if (typeof value === 'string') return new DateTime(parseIso(value))
    const ms = value instanceof Date ? value.getTime() : Number.NaN
    if (Number.isNaN(ms)) {
      throw new UsageError('INVALID_ARGUMENT', `Expected a valid Date or ISO text, got \`${String(value)}\``)
    }
    const seconds = Math.floor(ms / 1_000)
    return new DateTime({ seconds, nsec: (ms - seconds * 1_000) * 1_000_000 })
  }

  /** From nanoseconds since 1970-01-01T00:00:00Z, as a `Temporal.Instant` has them. */
  static fromEpochNanoseconds(nanoseconds: bigint, tzoffset = 0): DateTime {
    const rest = nanoseconds % BigInt(NS_PER_SECOND)
    // Division of bigints cuts towards zero; the part below a second must not be negative.
    const nsec = rest < 0n ? rest + BigInt(NS_PER_SECOND) : rest
    return new DateTime({ seconds: (nanoseconds - nsec) / BigInt(NS_PER_SECOND), nsec: Number(nsec), tzoffset })
  }

  get epochNanoseconds(): bigint {
    return BigInt(this.seconds) * BigInt(NS_PER_SECOND) + BigInt(this.nsec)
  }

  /**
   * The instant to the millisecond, rounded down; the offset is lost.
   * Throws a `UsageError` if a Date cannot hold it (years beyond about ±270 000).
   */
  toDate(): Date {
    const ms = this.seconds * 1_000 + Math.floor(this.nsec / 1_000_000)
    if (Math.abs(ms) > MAX_DATE_MS) throw new UsageError('INVALID_ARGUMENT', `A Date cannot hold ${this.toString()}`)
    return new Date(ms)
  }

  /** ISO text at its offset, with 0, 3, 6 or 9 digits of fraction as needed: `2024-02-29T12:00:00.500+05:45`. */
  toString(): string {
    return formatIso(this)
  }

  toJSON(): string {
    return this.toString()
  }

  /** Whether both are the same instant, wherever it is shown, as on the server. */
  equals(other: DateTime): boolean {
    return this.seconds === other.seconds && this.nsec === other.nsec
  }

  /** -1, 0 or 1, by instant: `list.sort((a, b) => a.compare(b))` is ascending. */
  compare(other: DateTime): -1 | 0 | 1 {
    if (this.equals(other)) return 0
    return this.seconds < other.seconds || (this.seconds === other.seconds && this.nsec < other.nsec) ? -1 : 1
  }

  /** Throws: `a < b` would compare the texts. */
  valueOf(): never {
    throw new UsageError(
      'INVALID_ARGUMENT',
      'A DateTime has no operators; use compare(), equals(), toDate() or epochNanoseconds',
    )
  }
}

function integer(name: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value === 0 ? 0 : value
  throw new UsageError(
    'INVALID_ARGUMENT',
    `Expected \`${name}\` to be an integer from ${least} to ${most}, got \`${String(value)}\` (${typeof value})`,
  )
}

export const datetimeCodec: ExtCodec<DateTime> = {
  type: TYPE,
  name: 'a datetime',
  class: DateTime,

  read(reader) {
    const size = reader.end - reader.position
    if (size !== SHORT && size !== LONG) throw invalidPayload(this.name, `it has ${size} bytes`)
    const { view } = reader
    const at = reader.take(size)
    const seconds = view.getBigInt64(at, true)
    if (size === SHORT) return new DateTime({ seconds })
    return new DateTime({
      seconds,
      nsec: view.getInt32(at + 8, true),
      tzoffset: view.getInt16(at + 12, true),
      tzindex: view.getInt16(at + 14, true),
    })
  },

  write(writer, value) {
    const { nsec, tzoffset, tzindex } = value
    const size = nsec === 0 && tzoffset === 0 && tzindex === 0 ? SHORT : LONG
    writeExtHeader(writer, TYPE, size)
    writer.reserve(size)
    const { view, length } = writer
    view.setBigInt64(length, BigInt(value.seconds), true)
    if (size === LONG) {
      view.setInt32(length + 8, nsec, true)
      view.setInt16(length + 12, tzoffset, true)
      view.setInt16(length + 14, tzindex, true)
    }
    writer.length = length + size
  },
}

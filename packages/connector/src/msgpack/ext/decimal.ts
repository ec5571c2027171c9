import { UsageError } from '../../errors.ts'
import { writeInteger } from '../numbers.ts'
import { type ExtCodec, invalidPayload } from './codec.ts'
import { writeExtHeader } from './header.ts'

/*
 * payload = scale: int, digits: packed BCD
 *   one nibble per digit, the last nibble is the sign: a, c, e, f plus; b, d minus;
 *   a zero nibble in front where the digits would not fill the last byte
 * value = digits * 10^-scale
 */

const TYPE = 1

/** Tarantool's limit since 3.5; before it is 38. */
const MAX_DIGITS = 76
/** Digits that a payload may hold: no server sends as many, and BigInt takes quadratic time over a false million. */
const MAX_DECODED_DIGITS = 1_000
/** The server's arithmetic ends here (decNumber's exponents). */
const MAX_SCALE = 999_999_999
/** Zeros that plain notation may add; beyond, `1E+999999999` would become a string of a gigabyte. */
const MAX_PADDING = 1_000

const NOTATION = /^([+-]?)(\d*)(?:\.(\d*))?(?:e([+-]?\d+))?$/i

/**
 * An exact decimal number: `coefficient * 10^-scale`. Trailing zeros are kept, so `1.10` stays `1.10`.
 * Server: any with the `decimal` type; up to 38 digits before 3.5, 76 since.
 *
 * It has no arithmetic: take a library for that, or do it on the server, and pass strings between them.
 */
export class Decimal {
  /** The digits as an integer, with the sign. */
  readonly coefficient: bigint
  /** How many of the digits stand behind the point; negative for zeros in front of it. */
  readonly scale: number
  /** True for -0 too, which the server keeps apart from 0 in what it prints. */
  readonly isNegative: boolean

  /** For the parts of a number at hand; else see {@link Decimal.from}. `isNegative` matters for a zero only. */
  constructor(coefficient: bigint, scale = 0, isNegative = false) {
    if (typeof coefficient !== 'bigint') throw expected('coefficient', 'a bigint', coefficient)
    if (!Number.isInteger(scale) || Math.abs(scale) > MAX_SCALE) {
      throw expected('scale', `an integer within ±${MAX_SCALE}`, scale)
    }
    this.coefficient = coefficient
    this.scale = scale
    this.isNegative = coefficient === 0n ? isNegative : coefficient < 0n
  }

  /**
   * From text (`'-12.30'`, `'1e-7'`), a bigint, or a safe integer. Never rounds: a number with a fraction is
   * refused, for a float has lost what the decimal is meant to keep.
   * Throws a `UsageError` if `value` is none of these or has more than 76 digits.
   */
  static from(value: string | bigint | number): Decimal {
    switch (typeof value) {
      case 'string':
        return parse(value)
      case 'bigint':
        return limited(new Decimal(value))
      default:
        if (Number.isSafeInteger(value)) return new Decimal(BigInt(value), 0, Object.is(value, -0))
        throw expected(
          'value',
          "a string, a bigint or a safe integer (write a fraction as text: Decimal.from('0.1'))",
          value,
        )
    }
  }

  /**
   * Plain notation, as `-12.30`; the same text gives the same decimal again.
   * With more than 1000 zeros to add it is scientific, as `1E+5000`.
   */
  toString(): string {
    const digits = digitsOf(this)
    const sign = this.isNegative ? '-' : ''
    if (this.scale <= 0) {
      if (digits === '0') return `${sign}0`
      if (-this.scale > MAX_PADDING) return sign + scientific(digits, this.scale)
      return sign + digits + '0'.repeat(-this.scale)
    }
    if (this.scale - digits.length > MAX_PADDING) return sign + scientific(digits, this.scale)
    const padded = digits.padStart(this.scale + 1, '0')
    const point = padded.length - this.scale
    return `${sign}${padded.slice(0, point)}.${padded.slice(point)}`
  }

  /** Text, for a JSON number would be read back as a float. */
  toJSON(): string {
    return this.toString()
  }

  /** The nearest float; loses digits beyond about 15. */
  toNumber(): number {
    return Number(this.toString())
  }

  /** Whether both are the same number; `1.10` equals `1.1`, and -0 equals 0, as on the server. */
  equals(other: Decimal): boolean {
    return this.compare(other) === 0
  }

  /** -1, 0 or 1: `list.sort((a, b) => a.compare(b))` is ascending. */
  compare(other: Decimal): -1 | 0 | 1 {
    if (this.scale === other.scale) return order(this.coefficient, other.coefficient)
    const sign = order(this.coefficient, 0n)
    const otherSign = order(other.coefficient, 0n)
    if (sign !== otherSign) return sign < otherSign ? -1 : 1
    if (sign === 0) return 0
    return sign > 0 ? compareSizes(this, other) : compareSizes(other, this)
  }

  /** Throws: `a < b` would compare the texts. */
  valueOf(): never {
    throw new UsageError(
      'INVALID_ARGUMENT',
      'A Decimal has no operators; use compare(), equals(), toNumber() or toString()',
    )
  }
}

function parse(text: string): Decimal {
  const [, sign, whole = '', fraction = '', exponent = '0'] = NOTATION.exec(text) ?? []
  if (whole === '' && fraction === '') throw expected('value', "a decimal number such as '-12.30' or '1e-7'", text)
  const digits = (whole + fraction).replace(/^0+(?=\d)/, '')
  // Looked at before the bigint is made: text of a million digits should cost nothing.
  if (digits.length > MAX_DIGITS) throw tooLong(digits.length)
  const negative = sign === '-'
  const coefficient = BigInt(digits)
  return new Decimal(negative ? -coefficient : coefficient, fraction.length - Number(exponent), negative)
}

function limited(decimal: Decimal): Decimal {
  const { length } = digitsOf(decimal)
  if (length > MAX_DIGITS) throw tooLong(length)
  return decimal
}

/** Without sign and point; `0` for zero. */
function digitsOf(decimal: Decimal): string {
  const { coefficient } = decimal
  return (coefficient < 0n ? -coefficient : coefficient).toString()
}

/** As Tarantool 3 prints it: `1.23E+7`. */
function scientific(digits: string, scale: number): string {
  const exponent = digits.length - 1 - scale
  const fraction = digits.length > 1 ? `.${digits.slice(1)}` : ''
  return `${digits[0]}${fraction}E${exponent < 0 ? '' : '+'}${exponent}`
}

/** Compares two numbers of one sign by size. Never scales one up to the other: scales may be a billion apart. */
function compareSizes(a: Decimal, b: Decimal): -1 | 0 | 1 {
  const left = digitsOf(a)
  const right = digitsOf(b)
  const wholeDigits = order(left.length - a.scale, right.length - b.scale)
  if (wholeDigits !== 0) return wholeDigits
  const length = Math.max(left.length, right.length)
  return order(left.padEnd(length, '0'), right.padEnd(length, '0'))
}

function order<T extends bigint | number | string>(a: T, b: T): -1 | 0 | 1 {
  if (a === b) return 0
  return a < b ? -1 : 1
}

function expected(name: string, what: string, got: unknown): UsageError {
  const shown = String(got).slice(0, 80)
  return new UsageError('INVALID_ARGUMENT', `Expected \`${name}\` to be ${what}, got \`${shown}\` (${typeof got})`)
}

function tooLong(digits: number): UsageError {
  return new UsageError('INVALID_ARGUMENT', `Expected a decimal of at most ${MAX_DIGITS} digits, got ${digits}`)
}

export const decimalCodec: ExtCodec<Decimal> = {
  type: TYPE,
  name: 'a decimal',
  class: Decimal,

  read(reader, depth, readNested) {
    const scale = readNested(reader, depth)
    if (typeof scale !== 'number') throw invalidPayload(this.name, 'its scale is not an integer')
    const size = reader.end - reader.position
    if (size > MAX_DECODED_DIGITS / 2) throw invalidPayload(this.name, `it has more than ${MAX_DECODED_DIGITS} digits`)
    const from = reader.take(size)
    const nibbles = reader.buffer.toString('hex', from, from + size)
    const digits = nibbles.slice(0, -1)
    const isNegative = /[bd]$/.test(nibbles)
    if (!/^\d+[a-f]$/.test(nibbles)) throw invalidPayload(this.name, `its digits are \`${nibbles.slice(0, 80)}\``)
    const coefficient = BigInt(digits)
    return new Decimal(isNegative ? -coefficient : coefficient, scale, isNegative)
  },

  write(writer, value) {
    const digits = digitsOf(value) + (value.isNegative ? 'd' : 'c')
    const nibbles = digits.length % 2 === 0 ? digits : `0${digits}`
    const bytes = nibbles.length / 2
    writeExtHeader(writer, TYPE, integerSize(value.scale) + bytes)
    writeInteger(writer, value.scale)
    writer.reserve(bytes)
    const { buffer, length } = writer
    for (let i = 0; i < bytes; i++) {
      buffer[length + i] = (nibble(nibbles.charCodeAt(2 * i)) << 4) | nibble(nibbles.charCodeAt(2 * i + 1))
    }
    writer.length = length + bytes
  },
}

/** The value of a hexadecimal digit in lower case. */
function nibble(code: number): number {
  return code < 0x3a ? code - 0x30 : code - 0x57
}

/** Bytes of an integer within ±{@link MAX_SCALE}, as `writeInteger` writes it. */
function integerSize(value: number): number {
  if (value >= -0x20 && value < 0x80) return 1
  if (value >= -0x80 && value < 0x100) return 2
  return value >= -0x8000 && value < 0x1_0000 ? 3 : 5
}

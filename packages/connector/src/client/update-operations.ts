import { UsageError } from '../errors.ts'
import type { Decimal } from '../msgpack/ext/decimal.ts'
import type { Interval } from '../msgpack/ext/interval.ts'
import type { Double } from '../msgpack/values.ts'
import { show } from '../options.ts'
import type { UpdateOperation } from './arguments.ts'

/**
 * A field: its number from 0 (a negative one counts from the end), its name, or a JSON path such as `profile.tags[1]`,
 * in which elements of arrays count from 1. Names and paths: server >= 2.3.
 */
export type FieldPath = number | string

/** What arithmetic takes; a `datetime` field takes an interval (server >= 2.10). */
export type Amount = number | bigint | Decimal | Double | Interval

/**
 * Operations of `update` and `upsert`. Each is applied to the tuple that the former ones have left; before 3.0 a server
 * takes one operation per field.
 *
 * @example
 * await tnt.update('users', 1, [ops.set('name', 'Ann'), ops.add('visits', 1), ops.set('profile.city', 'Riga')])
 */
export const ops: {
  readonly set: (field: FieldPath, value: unknown) => UpdateOperation
  readonly add: (field: FieldPath, amount: Amount) => UpdateOperation
  readonly subtract: (field: FieldPath, amount: Amount) => UpdateOperation
  /** Bit by bit; the field and the operand are unsigned. */
  readonly and: (field: FieldPath, bits: number | bigint) => UpdateOperation
  readonly or: (field: FieldPath, bits: number | bigint) => UpdateOperation
  readonly xor: (field: FieldPath, bits: number | bigint) => UpdateOperation
  /**
   * Cuts `cut` bytes out of a string at `position` and puts `text` there. Both count bytes, from 0; a negative
   * position counts from the end, where -1 stands behind the last byte.
   */
  readonly splice: (field: FieldPath, position: number, cut: number, text: string) => UpdateOperation
  /** Puts a new field before this one, of a tuple or of what the path leads to. */
  readonly insertField: (field: FieldPath, value: unknown) => UpdateOperation
  /** Deletes `count` fields, 1 by default, beginning with this one; of a map at a path, one key. */
  readonly deleteFields: (field: FieldPath, count?: number) => UpdateOperation
} = Object.freeze({
  set: (field: FieldPath, value: unknown) => ['=', fieldOf(field), value] as const,
  add: (field: FieldPath, amount: Amount) => ['+', fieldOf(field), amount] as const,
  subtract: (field: FieldPath, amount: Amount) => ['-', fieldOf(field), amount] as const,
  and: (field: FieldPath, bits: number | bigint) => ['&', fieldOf(field), bitsOf(bits)] as const,
  or: (field: FieldPath, bits: number | bigint) => ['|', fieldOf(field), bitsOf(bits)] as const,
  xor: (field: FieldPath, bits: number | bigint) => ['^', fieldOf(field), bitsOf(bits)] as const,
  splice: (field: FieldPath, position: number, cut: number, text: string) =>
    [':', fieldOf(field), integerOf('position', position), integerOf('cut', cut), text] as const,
  insertField: (field: FieldPath, value: unknown) => ['!', fieldOf(field), value] as const,
  deleteFields: (field: FieldPath, count = 1) => ['#', fieldOf(field), countOf(count)] as const,
})

function fieldOf(field: FieldPath): FieldPath {
  if (Number.isSafeInteger(field) || (typeof field === 'string' && field !== '')) return field
  throw wrong('field', 'an integer, a name or a JSON path', field)
}

function bitsOf(bits: number | bigint): number | bigint {
  if ((typeof bits === 'bigint' || Number.isSafeInteger(bits)) && bits >= 0) return bits
  throw wrong('bits', 'an integer >= 0', bits)
}

function integerOf(argument: string, value: number): number {
  if (Number.isSafeInteger(value)) return value
  throw wrong(argument, 'an integer', value)
}

function countOf(count: number): number {
  if (Number.isSafeInteger(count) && count >= 1) return count
  throw wrong('count', 'an integer >= 1', count)
}

function wrong(argument: string, expected: string, got: unknown): UsageError {
  return new UsageError('INVALID_ARGUMENT', `Expected \`${argument}\` to be ${expected}, got ${show(got)}`)
}

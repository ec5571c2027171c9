import { UsageError } from '../errors.ts'
import { DateTime } from '../msgpack/ext/datetime.ts'
import { Decimal } from '../msgpack/ext/decimal.ts'
import { Uuid } from '../msgpack/ext/uuid.ts'
import { show } from '../options.ts'
import { ITERATORS, type Iterator, MAX_UINT32 } from '../protocol/constants.ts'
import type { RowForm } from '../protocol/request.ts'

/** Name or number of a space. */
export type SpaceName = string | number

/** Parts of a key; a single part may stand without its array. */
export type KeyValue = readonly unknown[] | string | number | bigint | boolean | Uint8Array | Uuid | Decimal | DateTime

/**
 * `[operator, field, argument]`, or `[':', field, position, cut, text]` to splice. Fields are numbers from 0,
 * negative ones count from the end; from 2.3 on names and JSON paths as well.
 */
export type UpdateOperation =
  | readonly [operator: '+' | '-' | '&' | '|' | '^' | '=' | '!' | '#', field: number | string, argument: unknown]
  | readonly [operator: ':', field: number | string, position: number, cut: number, text: string]

const ROW_FORMS: ReadonlySet<string> = new Set<RowForm>(['array', 'object'])
const PART_TYPES: ReadonlySet<string> = new Set(['string', 'number', 'bigint', 'boolean'])

export function checkName(argument: string, value: string | number): string | number {
  if (typeof value === 'string' && value !== '') return value
  if (typeof value === 'number') return checkUint32(argument, value)
  throw wrong(argument, 'a name or a number', value)
}

export function checkText(argument: string, value: string): string {
  if (typeof value === 'string' && value !== '') return value
  throw wrong(argument, 'a string that is not empty', value)
}

export function checkUint32(argument: string, value: number): number {
  if (Number.isInteger(value) && value >= 0 && value <= MAX_UINT32) return value
  throw wrong(argument, 'an integer from 0 to 4294967295', value)
}

export function checkArray(argument: string, value: readonly unknown[]): readonly unknown[] {
  if (Array.isArray(value)) return value
  throw wrong(argument, 'an array', value)
}

export function checkBytes(argument: string, value: Uint8Array): Uint8Array {
  if (value instanceof Uint8Array) return value
  throw wrong(argument, 'bytes', value)
}

/** Request types above 127 would not fit where the header has them. */
export function checkByte(argument: string, value: number): number {
  if (Number.isInteger(value) && value >= 0 && value <= 0x7f) return value
  throw wrong(argument, 'an integer from 0 to 127', value)
}

export function checkFunction<F>(argument: string, value: F): F {
  if (value === undefined || typeof value === 'function') return value
  throw wrong(argument, 'a function', value)
}

export function checkMap<K, V>(argument: string, value: ReadonlyMap<K, V>): ReadonlyMap<K, V> {
  if (value instanceof Map) return value
  throw wrong(argument, 'a Map', value)
}

export function checkRows(value: RowForm): RowForm {
  if (ROW_FORMS.has(value)) return value
  throw wrong('rows', "'array' or 'object'", value)
}

/** A position, or a tuple. */
export function checkAfter(value: string | readonly unknown[] | undefined): string | readonly unknown[] | undefined {
  if (value === undefined || typeof value === 'string' || Array.isArray(value)) return value
  throw wrong('after', 'a position or a tuple', value)
}

export function checkIterator(name: Iterator): number {
  const number: number | undefined = Object.hasOwn(ITERATORS, name) ? ITERATORS[name] : undefined
  if (number !== undefined) return number
  const names = Object.keys(ITERATORS).join(', ')
  throw new UsageError('INVALID_ARGUMENT', `Expected \`iterator\` to be one of ${names}; got \`${name}\``)
}

/** A key as its parts. */
export function checkKey(key: KeyValue): readonly unknown[] {
  if (Array.isArray(key)) return key
  if (PART_TYPES.has(typeof key) || key instanceof Uint8Array) return [key]
  if (key instanceof Uuid || key instanceof Decimal || key instanceof DateTime) return [key]
  throw wrong('key', 'an array of parts, or one part', key)
}

function wrong(argument: string, expected: string, got: unknown): UsageError {
  return new UsageError('INVALID_ARGUMENT', `Expected \`${argument}\` to be ${expected}, got ${show(got)}`)
}

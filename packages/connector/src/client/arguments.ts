import { UsageError } from '../errors.ts'
import { DateTime } from '../msgpack/ext/datetime.ts'
import { Decimal } from '../msgpack/ext/decimal.ts'
import { Uuid } from '../msgpack/ext/uuid.ts'
import { show } from '../options.ts'
import { MAX_UINT32 } from '../protocol/constants.ts'

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

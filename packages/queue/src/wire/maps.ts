import { unexpected } from './task-tuple.ts'

/** A map of an answer, each field of which is checked when it is read. */
export type WireMap = Readonly<Record<string, unknown>>

/** Narrows an answer to a map; an empty one comes as an empty array where Lua cannot tell. */
export function toMap(value: unknown, what: string): WireMap {
  if (Array.isArray(value) && value.length === 0) return {}
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw unexpected(what, value)
  // An object that is no array, of which each field is looked at before it is used.
  return value as WireMap
}

/** Narrows an answer to an array; an empty one comes as an empty map where Lua cannot tell. */
export function toList(value: unknown, what: string): readonly unknown[] {
  if (Array.isArray(value)) return value
  if (typeof value === 'object' && value !== null && Object.keys(value).length === 0) return []
  throw unexpected(what, value)
}

export function toNumber(value: unknown, what: string): number {
  if (typeof value !== 'number') throw unexpected(what, value)
  return value
}

export function toText(value: unknown, what: string): string {
  if (typeof value !== 'string') throw unexpected(what, value)
  return value
}

/** What an answer may leave out, or have as null. */
export function optional<T>(value: unknown, is: (value: unknown) => value is T): T | undefined {
  return is(value) ? value : undefined
}

export const isNumber = (value: unknown): value is number => typeof value === 'number'
export const isText = (value: unknown): value is string => typeof value === 'string'

/** Seconds since 1970 → Date; `undefined` where there are none. */
export function toDate(value: unknown): Date | undefined {
  return typeof value === 'number' ? new Date(value * 1000) : undefined
}

/** An object's fields that may be `undefined`, as fields that may be missing. */
type Defined<T> = {
  [Name in keyof T as undefined extends T[Name] ? never : Name]: T[Name]
} & {
  [Name in keyof T as undefined extends T[Name] ? Name : never]?: Exclude<T[Name], undefined>
}

/** Without the fields that are `undefined`. */
export function defined<T extends object>(fields: T): Defined<T> {
  const kept = Object.entries(fields).filter(([, value]) => value !== undefined)
  // What was left out is what the type says may be missing.
  return Object.fromEntries(kept) as Defined<T>
}

import type { ExtensionTable } from './ext/extension.ts'
import { isExtension } from './ext/registry.ts'
import { MAX_NESTING } from './nesting.ts'
import { RawField, RawMsgpack } from './raw.ts'
import { Double, Ext, Float32 } from './values.ts'

/**
 * Objects that would silently become an empty map, or lose what they mean.
 * A Date is among them, for only its sender knows whether the field is a `datetime` or a number.
 */
const WITHOUT_FORM = [Date, Promise, Set, RegExp, Error, ArrayBuffer, SharedArrayBuffer, WeakMap, WeakSet] as const

export function hasNoForm(value: object): boolean {
  return WITHOUT_FORM.some((type) => value instanceof type)
}

export interface Unencodable {
  /** Such as `value[2].profile.onClick`. */
  readonly path: string
  readonly reason: string
}

/**
 * Finds what made the encoder refuse `value`. It walks in the encoder's order and by its rules, but only
 * after a failure, so that the encoder itself need not keep a path.
 */
export function findUnencodable(
  value: unknown,
  path: string,
  extensions: ExtensionTable,
  depth = 0,
): Unencodable | undefined {
  const reason = reasonAgainst(value, extensions, depth)
  if (reason !== undefined) return { path, reason }
  if (typeof value !== 'object' || value === null || isLeaf(value, extensions)) return undefined
  for (const [key, part] of partsOf(value)) {
    const found = findUnencodable(part, path + key, extensions, depth + 1)
    if (found !== undefined) return found
  }
  return undefined
}

function reasonAgainst(value: unknown, extensions: ExtensionTable, depth: number): string | undefined {
  switch (typeof value) {
    case 'function':
    case 'symbol':
      return `a ${typeof value} has no MessagePack form`
    case 'bigint':
      if (BigInt.asUintN(64, value) === value || BigInt.asIntN(64, value) === value) return undefined
      return `the bigint ${value} is outside of -2^63 to 2^64 - 1`
    case 'object':
      if (value === null || isLeaf(value, extensions)) return undefined
      if (depth >= MAX_NESTING) return `it nests deeper than ${MAX_NESTING} arrays and objects, or contains itself`
      return hasNoForm(value) ? objectReason(value) : undefined
    default:
      return undefined
  }
}

function objectReason(value: object): string {
  if (value instanceof Date)
    return 'a Date has no MessagePack form; send date.getTime(), or DateTime.from(date) for a datetime'
  if (value instanceof Set) return 'a Set has no MessagePack form; send [...set]'
  if (value instanceof Promise) return 'it is a Promise; await it first'
  return `a ${value.constructor.name} has no MessagePack form`
}

function isLeaf(value: object, extensions: ExtensionTable): boolean {
  return (
    ArrayBuffer.isView(value) ||
    value instanceof RawMsgpack ||
    value instanceof RawField ||
    value instanceof Double ||
    value instanceof Float32 ||
    value instanceof Ext ||
    isExtension(value, extensions)
  )
}

function* partsOf(value: object): Generator<readonly [key: string, part: unknown]> {
  if (Array.isArray(value)) {
    for (const [index, part] of value.entries()) yield [`[${index}]`, part]
  } else if (value instanceof Map) {
    for (const [key, part] of value) {
      yield ['.<key>', key]
      yield [`.get(${typeof key === 'string' ? `'${key}'` : String(key)})`, part]
    }
  } else {
    for (const [key, part] of Object.entries(value))
      yield [/^[\w$]+$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`, part]
  }
}

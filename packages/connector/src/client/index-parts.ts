/** One part of an index's key. */
export interface IndexPart {
  /** Number of the field, from 0. */
  readonly field: number
  readonly type: string
  readonly isNullable: boolean
  /** Whether it stands inside a field, at a JSON path. */
  readonly hasPath: boolean
  readonly hasCollation: boolean
}

/** What `_vindex` says of an index. */
export interface IndexInfo {
  readonly id: number
  readonly name: string
  /** `TREE`, `HASH`, …, in capitals. */
  readonly type: string
  readonly isUnique: boolean
  /** Made by a function from a tuple, not by its fields. */
  readonly isFunctional: boolean
  readonly parts: readonly IndexPart[]
}

/** Rows of _vindex are [space id, index id, name, type, options, parts]; undefined if this is none. */
export function indexFrom(row: unknown): IndexInfo | undefined {
  if (!Array.isArray(row)) return undefined
  // Array.isArray says any[].
  const [, id, name, type, options, parts] = row as readonly unknown[]
  if (typeof id !== 'number' || typeof name !== 'string' || typeof type !== 'string') return undefined
  return {
    id,
    name,
    type: type.toUpperCase(),
    isUnique: id === 0 || get(options, 'unique') === true,
    isFunctional: isSet(get(options, 'func')),
    parts: Array.isArray(parts) ? parts.map(partFrom) : [],
  }
}

/** A part is [field, type] or { field, type [, is_nullable] [, collation] [, path] [, …] }. */
function partFrom(part: unknown): IndexPart {
  if (Array.isArray(part)) {
    return { field: asNumber(part[0]), type: asText(part[1]), isNullable: false, hasPath: false, hasCollation: false }
  }
  return {
    field: asNumber(get(part, 'field')),
    type: asText(get(part, 'type')),
    isNullable: get(part, 'is_nullable') === true,
    hasPath: isSet(get(part, 'path')),
    // The collation 0 is `none`.
    hasCollation: isSet(get(part, 'collation')),
  }
}

function get(map: unknown, key: string): unknown {
  if (typeof map !== 'object' || map === null || !Object.hasOwn(map, key)) return undefined
  // It is an object's own key.
  return (map as Readonly<Record<string, unknown>>)[key]
}

/** Functions and collations are numbers, of which 0 means none. */
function isSet(value: unknown): boolean {
  return value !== undefined && value !== null && value !== 0
}

function asNumber(value: unknown): number {
  return typeof value === 'number' ? value : -1
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

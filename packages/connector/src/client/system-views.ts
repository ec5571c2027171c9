import { RowShape } from '../msgpack/ext/row-shape.ts'

// System views show what the user may see; their numbers are the same in every version.

export const VSPACE = 281
const VSPACE_PRIMARY = 0
const VSPACE_BY_NAME = 2
export const VINDEX = 289
export const VINDEX_BY_SPACE = 0

/** Index of _vspace, and the key in it. */
export function vspaceKey(space: number | string): readonly [index: number, key: readonly unknown[]] {
  return [typeof space === 'string' ? VSPACE_BY_NAME : VSPACE_PRIMARY, [space]]
}

/** Rows of _vspace are [space id, owner, name, engine, field count, flags, format]. */
export function shapeOf(row: unknown): RowShape {
  const format: unknown = Array.isArray(row) ? row[6] : undefined
  const names: string[] = []
  for (const field of Array.isArray(format) ? format : []) names.push(nameOf(field) ?? String(names.length + 1))
  return new RowShape(names)
}

function nameOf(field: unknown): string | undefined {
  if (typeof field !== 'object' || field === null || !('name' in field)) return undefined
  return typeof field.name === 'string' ? field.name : undefined
}

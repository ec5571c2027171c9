import { ProtocolError } from '../errors.ts'
import { RowShape } from '../msgpack/ext/row-shape.ts'
import type { RowForm } from '../protocol/request.ts'
import type { CrudFailure } from './crud-error.ts'

/** A field of the rows. */
export interface CrudColumn {
  readonly name: string
  readonly type: string
  readonly isNullable: boolean
}

/** Rows, and what their fields are. */
export interface CrudResult<T> {
  readonly rows: T[]
  readonly metadata: readonly CrudColumn[]
}

/** Of an operation on many, of which a part may have failed. */
export interface CrudManyResult<T> extends CrudResult<T> {
  /** What was not done; empty if all was. */
  readonly failures: readonly CrudFailure[]
}

/** `{ metadata: [{ name, type [, is_nullable] }, …], rows: [tuple, …] }`; nil where `noreturn` was asked for. */
export function resultFrom<T>(value: unknown, form: RowForm): CrudResult<T> {
  if (value === null || value === undefined) return { rows: [], metadata: [] }
  if (typeof value !== 'object') throw malformed(`a ${typeof value} instead of a map`)
  const metadata = columnsFrom('metadata' in value ? value.metadata : undefined)
  const rows = 'rows' in value ? value.rows : undefined
  // A function of the user's own may give the map without rows.
  if (rows === undefined || rows === null) return { rows: [], metadata }
  if (!Array.isArray(rows)) throw malformed('rows that are not an array')
  // The caller says what its rows are.
  if (form === 'array') return { rows: rows as T[], metadata }
  const shape = new RowShape(metadata.map(({ name }) => name))
  // As above.
  return { rows: rows.map((row) => shape.from(asRow(row))) as T[], metadata }
}

function asRow(row: unknown): readonly unknown[] {
  if (Array.isArray(row)) return row
  throw malformed('a row that is not an array')
}

function columnsFrom(value: unknown): readonly CrudColumn[] {
  return Array.isArray(value) ? value.map(columnFrom) : []
}

function columnFrom(column: unknown): CrudColumn {
  if (typeof column !== 'object' || column === null || !('name' in column) || typeof column.name !== 'string') {
    throw malformed('a field without a name')
  }
  return {
    name: column.name,
    type: 'type' in column && typeof column.type === 'string' ? column.type : 'any',
    isNullable: 'is_nullable' in column && column.is_nullable === true,
  }
}

export function malformed(what: string): ProtocolError {
  const message = `This is not a result of crud: ${what}`
  return new ProtocolError('DECODE_FAILED', message, { retryable: false, sent: true })
}

/*
 * column = { 0: name, 1: type [, 2: collation] [, 3: is nullable] [, 4: is autoincrement] [, 5: span] }
 *   2 to 5 come if the session setting sql_full_metadata is on; 2 and 5 where there is one, 4 where it is true
 */

const ColumnKey = { NAME: 0, TYPE: 1, COLLATION: 2, IS_NULLABLE: 3, IS_AUTOINCREMENT: 4, SPAN: 5 } as const

/** A column of a result, or a parameter of a statement. All but name and type need the session setting `sql_full_metadata`. */
export interface SqlColumn {
  /** As the server writes it: in capitals if it is not quoted, before 3.0. Of a parameter: `?`, or its name with the colon. */
  readonly name: string
  readonly type: string
  readonly collation: string | undefined
  readonly isNullable: boolean | undefined
  readonly isAutoincrement: boolean | undefined
  /** The expression that the column was made by; undefined where it is the name. */
  readonly span: string | undefined
}

/** Of the decoded value under METADATA or BIND_METADATA; what is missing is undefined. */
export function columnsFrom(value: unknown): readonly SqlColumn[] {
  return Array.isArray(value) ? value.map(columnFrom) : []
}

function columnFrom(column: unknown): SqlColumn {
  const get = (key: number): unknown => (column instanceof Map ? column.get(key) : undefined)
  return {
    name: text(get(ColumnKey.NAME)) ?? '',
    type: text(get(ColumnKey.TYPE)) ?? 'any',
    collation: text(get(ColumnKey.COLLATION)),
    isNullable: truth(get(ColumnKey.IS_NULLABLE)),
    isAutoincrement: truth(get(ColumnKey.IS_AUTOINCREMENT)),
    span: text(get(ColumnKey.SPAN)),
  }
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function truth(value: unknown): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined
}

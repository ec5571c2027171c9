import { readSafely, readValue } from '../../msgpack/decode.ts'
import { encodeInto, writeText } from '../../msgpack/encode.ts'
import { RowShape } from '../../msgpack/ext/row-shape.ts'
import { writeInteger } from '../../msgpack/numbers.ts'
import { RawField, RawMsgpack } from '../../msgpack/raw.ts'
import type { Reader } from '../../msgpack/reader.ts'
import { Double } from '../../msgpack/values.ts'
import type { Writer } from '../../msgpack/writer.ts'
import { Key, RequestType } from '../constants.ts'
import { Request, type RowForm } from '../request.ts'
import { columnsFrom, type SqlColumn } from '../sql-columns.ts'

/*
 * EXECUTE body = { SQL_TEXT: str | STMT_ID: uint, SQL_BIND: [value | { ":name": value }, …], OPTIONS: [] }
 * Reply to a query             = { METADATA: [column, …], DATA: [[value, …], …] }
 * Reply to any other statement = { SQL_INFO: { 0: rows changed [, 1: [generated id, …]] } }
 */

const SqlInfo = { ROW_COUNT: 0, AUTOINCREMENT_IDS: 1 } as const

/** What an extension begins with: ext 8 to 32, fixext 1 to 16. */
const EXTENSION_BYTES: ReadonlySet<number> = new Set([0xc7, 0xc8, 0xc9, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8])

/** What a statement has brought. */
export interface SqlResult<R> {
  /** Empty but for a query. */
  readonly rows: R[]
  /** The columns of `rows`. */
  readonly metadata: readonly SqlColumn[]
  /** How many rows were changed; of a query, how many there are. */
  readonly rowCount: number
  /** Values that AUTOINCREMENT has made, in the order of the rows; bigint beyond 2^53, whatever `int64` is. */
  readonly autoincrementIds: readonly (number | bigint)[]
}

export class ExecuteRequest<R> extends Request<SqlResult<R>> {
  readonly type: number = RequestType.EXECUTE
  override readonly isOfSession: boolean
  readonly #statement: string | (() => number)
  readonly #binds: readonly unknown[]
  readonly #form: RowForm

  /** `statement`: SQL, or what gives the number of a prepared statement at the moment that the request is written. */
  constructor(statement: string | (() => number), binds: readonly unknown[], form: RowForm) {
    super()
    this.#statement = statement
    this.isOfSession = typeof statement !== 'string'
    this.#binds = binds
    this.#form = form
    // 2.6 does not refuse them: it crashes.
    if (binds.some(isExtension)) this.requires = 'sql-extension-types'
  }

  override writeBody(writer: Writer): void {
    const statement = typeof this.#statement === 'string' ? this.#statement : this.#statement()
    writer.byte(0x83)
    if (typeof statement === 'string') {
      writer.byte(Key.SQL_TEXT)
      writeText(writer, statement)
    } else {
      writer.byte(Key.STMT_ID)
      writeInteger(writer, statement)
    }
    writer.byte(Key.SQL_BIND)
    encodeInto(writer, this.#binds, 'bind')
    writer.byte(Key.OPTIONS)
    writer.byte(0x90)
  }

  override readReply(reader: Reader): SqlResult<R> {
    let metadata: readonly SqlColumn[] = []
    let rows: unknown[] = []
    let info: unknown
    for (let left = reader.position < reader.end ? reader.mapSize() : 0; left > 0; left--) {
      const key = reader.uint()
      if (key === Key.METADATA) metadata = columnsFrom(readValue(reader, 1))
      else if (key === Key.SQL_INFO) info = readSafely(reader, 1)
      else if (key === Key.DATA) rows = this.#readRows(reader, metadata)
      else reader.skip()
    }
    return {
      // The caller says what its rows are.
      rows: rows as R[],
      metadata,
      rowCount: rowCountFrom(info) ?? rows.length,
      autoincrementIds: idsFrom(info),
    }
  }

  /** Servers send METADATA first. */
  #readRows(reader: Reader, metadata: readonly SqlColumn[]): unknown[] {
    const shape = this.#form === 'object' ? new RowShape(metadata.map(({ name }) => name)) : undefined
    const rows = new Array<unknown>(reader.arraySize())
    for (let i = 0; i < rows.length; i++) {
      rows[i] = shape === undefined ? readValue(reader, 1) : shape.read(reader, 1, readValue)
    }
    return rows
  }

  protected override result(): SqlResult<R> {
    return { rows: [], metadata: [], rowCount: 0, autoincrementIds: [] }
  }
}

/** Whether a bind may travel as an extension, if by name as a map of one key. */
function isExtension(bind: unknown): boolean {
  if (typeof bind !== 'object' || bind === null || Array.isArray(bind) || ArrayBuffer.isView(bind)) return false
  if (bind instanceof RawMsgpack || bind instanceof RawField) return EXTENSION_BYTES.has(bind.bytes[0] ?? 0)
  if (Object.getPrototypeOf(bind) === Object.prototype) return Object.values(bind).some(isExtension)
  return !(bind instanceof Map || bind instanceof Double)
}

function rowCountFrom(info: unknown): number | undefined {
  const count: unknown = info instanceof Map ? info.get(SqlInfo.ROW_COUNT) : undefined
  return typeof count === 'number' ? count : undefined
}

function idsFrom(info: unknown): (number | bigint)[] {
  const ids: unknown = info instanceof Map ? info.get(SqlInfo.AUTOINCREMENT_IDS) : undefined
  return Array.isArray(ids) ? ids.filter((id) => typeof id === 'number' || typeof id === 'bigint') : []
}

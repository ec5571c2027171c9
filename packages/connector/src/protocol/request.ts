import type { RowShape } from '../msgpack/ext/row-shape.ts'
import type { LazyField } from '../msgpack/lazy.ts'
import type { Reader } from '../msgpack/reader.ts'
import type { Writer } from '../msgpack/writer.ts'
import type { Feature } from './features.ts'
import { readData, readRows } from './reply.ts'

/** What a tuple becomes: the array of its fields, or an object by their names. */
export type RowForm = 'array' | 'object'

/**
 * What most requests leave as it is. It stands on the prototype, for nine stores into each request are a tenth of the
 * client's CPU (select, replace and call without a socket: 1.18, 1.05 and 1.03 us with them, 1.03, 0.95 and 0.91 without).
 */
type Defaults = Pick<
  Request,
  'runsCode' | 'isOfSession' | 'requires' | 'schemaVersion' | 'streamId' | 'onPush' | 'lazy' | 'rows' | 'shape'
>
const DEFAULTS: Defaults = {
  runsCode: false,
  isOfSession: false,
  requires: undefined,
  schemaVersion: 0,
  streamId: 0,
  onPush: undefined,
  lazy: undefined,
  rows: 'array',
  shape: undefined,
}

/** A request of IPROTO: how its body is written, and what its reply means. `R` is what the caller gets. */
export abstract class Request<R = unknown> {
  abstract readonly type: number
  /** Whether it runs the server's or the user's Lua, so that an error may come after an effect. */
  declare readonly runsCode: boolean
  /** Whether it means something in one session alone, as the number of a prepared statement. */
  declare readonly isOfSession: boolean
  /** Without it the request is refused before it is sent, with code `UNSUPPORTED`. */
  declare requires: Feature | undefined
  /** The schema that its ids were found in; 0 sends none. The server refuses the request (error 109) if it has changed. */
  declare schemaVersion: number
  /** The stream that it belongs to; 0 for none. */
  declare streamId: number
  /** Gets what the request's `box.session.push` sends before its reply. */
  declare onPush: ((value: unknown) => void) | undefined
  declare lazy: LazyField | undefined
  /** What becomes of tuples. */
  declare rows: RowForm
  /** How to make objects of the rows; undefined where the reply says so itself. */
  declare shape: RowShape | undefined

  static {
    Object.assign(Request.prototype, DEFAULTS)
  }

  abstract writeBody(writer: Writer): void

  /** Decodes the body of the reply, which `reader` stands at, and gives what the caller gets. */
  readReply(reader: Reader, _schemaVersion: number): R {
    return this.result(this.rows === 'array' ? readData(reader, this.lazy) : readRows(reader, this.shape).data)
  }

  /** What the caller gets of the reply's values; that they have the type which the caller claims is not checked. */
  protected abstract result(data: readonly unknown[]): R
}

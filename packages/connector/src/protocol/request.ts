import type { RowShape } from '../msgpack/ext/row-shape.ts'
import type { LazyField } from '../msgpack/lazy.ts'
import type { Reader } from '../msgpack/reader.ts'
import type { Writer } from '../msgpack/writer.ts'
import type { Feature } from './features.ts'
import { readData, readRows } from './reply.ts'

/** What a tuple becomes: the array of its fields, or an object by their names. */
export type RowForm = 'array' | 'object'

/** A request of IPROTO: how its body is written, and what its reply means. `R` is what the caller gets. */
export abstract class Request<R = unknown> {
  abstract readonly type: number
  /** Whether it runs the server's or the user's Lua, so that an error may come after an effect. */
  readonly runsCode: boolean = false
  /** Whether it means something in one session alone, as the number of a prepared statement. */
  readonly isOfSession: boolean = false
  /** Without it the request is refused before it is sent, with code `UNSUPPORTED`. */
  requires: Feature | undefined = undefined
  /** The schema that its ids were found in; 0 sends none. The server refuses the request (error 109) if it has changed. */
  schemaVersion = 0
  /** The stream that it belongs to; 0 for none. */
  streamId = 0
  /** Gets what the request's `box.session.push` sends before its reply. */
  onPush: ((value: unknown) => void) | undefined = undefined
  lazy: LazyField | undefined = undefined
  /** What becomes of tuples. */
  rows: RowForm = 'array'
  /** How to make objects of the rows; undefined where the reply says so itself. */
  shape: RowShape | undefined = undefined

  abstract writeBody(writer: Writer): void

  /** Decodes the body of the reply, which `reader` stands at, and gives what the caller gets. */
  readReply(reader: Reader, _schemaVersion: number): R {
    return this.result(this.rows === 'array' ? readData(reader, this.lazy) : readRows(reader, this.shape).data)
  }

  /** What the caller gets of the reply's values; that they have the type which the caller claims is not checked. */
  protected abstract result(data: readonly unknown[]): R
}

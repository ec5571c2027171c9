import type { LazyField } from '../msgpack/lazy.ts'
import type { Iterator } from '../protocol/constants.ts'
import type { Request, RowForm } from '../protocol/request.ts'
import type { SqlResult } from '../protocol/requests/execute.ts'
import type { Page } from '../protocol/requests/select.ts'
import type { KeyValue, SpaceName } from './arguments.ts'
import type { Lane } from './bulk-lane.ts'
import type { SqlBind } from './sql-binds.ts'

/** What every request takes. */
export interface RequestOptions {
  /** Milliseconds from the call until the reply; Infinity for none. @default `requestTimeoutMs` of the client */
  readonly timeoutMs?: number | undefined
  /** Its abort rejects the request with the signal's reason; what was sent may be executed all the same. */
  readonly signal?: AbortSignal | undefined
  /** 'bulk': the reply is expected to be large, so it takes the second connection, if there is one (`bulkLane`). */
  readonly lane?: Lane | undefined
  /** That it may run twice without harm: then a pool repeats it elsewhere although it was sent. @default false */
  readonly idempotent?: boolean | undefined
}

export interface RowOptions extends RequestOptions {
  /**
   * 'object': rows by the names of their fields. The space's format is looked up once for it, unless the server
   * sends it (the option `tupleFormats` of the client). @default 'array'
   */
  readonly rows?: RowForm | undefined
}

export interface IndexOptions extends RowOptions {
  /** Name or number. @default 0, the primary index */
  readonly index?: string | number | undefined
}

export interface CallOptions extends RequestOptions {
  /** Fields of the reply to hand back undecoded, as `RawField`. */
  readonly lazy?: LazyField | undefined
  /** Gets what the function sends by `box.session.push` before it returns; without it that is dropped and counted. */
  readonly onPush?: ((value: unknown) => void) | undefined
  /**
   * 'object': the tuples that the function returns, wherever they stand, by the names of their fields. Server: >= 3.0,
   * and the client needs the option `tupleFormats`. @default 'array'
   */
  readonly rows?: RowForm | undefined
}

export interface FunctionOptions extends CallOptions {
  /** Calls as Tarantool 1.6 did: each returned value comes as a tuple, so `1` as `[1]`. @default false */
  readonly call16?: boolean | undefined
}

export interface SqlOptions extends RequestOptions {
  /** 'object': rows by the names of their columns, of which the last one of a name wins. @default 'object' */
  readonly rows?: RowForm | undefined
}

/** A statement that a client has prepared, as `Commands.execute` sees it. */
export interface ExecutableStatement<R> {
  /** Rejects unless `owner`, the client that `send` leads to, has prepared it. */
  executeOver(owner: object, send: Send, bind: SqlBind, options: SqlOptions): Promise<SqlResult<R>>
}

export interface SelectOptions extends IndexOptions {
  /** @default 'eq'; 'all' without a key */
  readonly iterator?: Iterator | undefined
  /** @default 4294967295, so all that match: mind the size of the space */
  readonly limit?: number | undefined
  /** @default 0 */
  readonly offset?: number | undefined
  /** Goes on behind this tuple, or behind the `position` that a former select gave. Server: >= 2.11. */
  readonly after?: string | readonly unknown[] | undefined
  /** Gives the result a `position`, for `after` of the next select. Server: >= 2.11. @default false */
  readonly fetchPosition?: boolean | undefined
  /** Fields of the tuples to hand back undecoded; depth 0 is the array of tuples, 1 a tuple. Not with rows as objects. */
  readonly lazy?: LazyField | undefined
}

export interface IterateOptions extends IndexOptions {
  /** @default 'eq'; 'all' without a key */
  readonly iterator?: Iterator | undefined
  /** Goes on behind this tuple, or behind a position (server >= 2.11). */
  readonly after?: string | readonly unknown[] | undefined
  /** Tuples of one request, so what is held in memory. @default 1000 */
  readonly batch?: number | undefined
  /** Tuples in all. @default Infinity */
  readonly limit?: number | undefined
}

/** A select, however it is sent. */
export type SelectPage = <T>(space: SpaceName, key: KeyValue | undefined, options: SelectOptions) => Promise<Page<T>>

/** Builds a request and sends it; what either throws becomes a rejection. */
export type Send = <R>(options: RequestOptions | undefined, build: () => Request<R>) => Promise<R>

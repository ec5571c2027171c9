import { UsageError } from '../errors.ts'
import { ITERATORS, MAX_UINT32 } from '../protocol/constants.ts'
import type { Request } from '../protocol/request.ts'
import { BroadcastRequest, Call16Request, CallRequest, EvalRequest } from '../protocol/requests/call.ts'
import { DeleteRequest } from '../protocol/requests/delete.ts'
import { ExecuteRequest, type SqlResult } from '../protocol/requests/execute.ts'
import { InsertRequest, ReplaceRequest } from '../protocol/requests/insert.ts'
import { InsertArrowRequest } from '../protocol/requests/insert-arrow.ts'
import { PingRequest } from '../protocol/requests/ping.ts'
import { RawRequest } from '../protocol/requests/raw-request.ts'
import { GetRequest, type Page, SelectRequest } from '../protocol/requests/select.ts'
import { UpdateRequest } from '../protocol/requests/update.ts'
import { UpsertRequest } from '../protocol/requests/upsert.ts'
import {
  checkAfter,
  checkArray,
  checkByte,
  checkBytes,
  checkFunction,
  checkIterator,
  checkKey,
  checkMap,
  checkName,
  checkRows,
  checkText,
  checkUint32,
  type KeyValue,
  type SpaceName,
  type UpdateOperation,
} from './arguments.ts'
import { iterate } from './iterate.ts'
import type {
  CallOptions,
  ExecutableStatement,
  FunctionOptions,
  IndexOptions,
  IterateOptions,
  RequestOptions,
  RowOptions,
  SelectOptions,
  Send,
  SqlOptions,
} from './request-options.ts'
import { bindsFrom, type SqlBind, templateFrom } from './sql-binds.ts'

/**
 * The requests of IPROTO over any way to send them. Methods never throw: a wrong argument rejects with a
 * `UsageError`. The types of rows and results are the caller's claim.
 */
export class Commands {
  readonly #send: Send
  readonly #owner: object

  /** `owner` is the client over whose own connection `send` leads, so that its prepared statements work. */
  constructor(send: Send, owner?: object) {
    this.#send = send
    this.#owner = owner ?? this
  }

  ping(options?: RequestOptions): Promise<void> {
    return this.#send(options, () => new PingRequest())
  }

  /** Tuples by a key of an index: all of the space without a key. Mind `limit`, which defaults to everything. */
  select<T = unknown[]>(space: SpaceName, key?: KeyValue, options: SelectOptions = {}): Promise<Page<T>> {
    return this.#send(options, () => {
      const { index = 0, limit = MAX_UINT32, offset = 0, after, fetchPosition, lazy } = options
      const parts = checkKey(key ?? [])
      const usual = parts.length === 0 ? ITERATORS.all : ITERATORS.eq
      const range = {
        iterator: options.iterator === undefined ? usual : checkIterator(options.iterator),
        limit: checkUint32('limit', limit),
        offset: checkUint32('offset', offset),
        after: checkAfter(after),
        fetchPosition,
      }
      const request = new SelectRequest<T>(checkName('space', space), checkName('index', index), parts, range, lazy)
      return withRows(request, options)
    })
  }

  /**
   * The same tuples one by one, read page by page as they are taken. Before 2.11 it needs an index that is unique,
   * of type TREE and without nulls; another one rejects with `UNSUPPORTED`. `timeoutMs` is for each page.
   */
  iterate<T = unknown[]>(
    space: SpaceName,
    key?: KeyValue,
    options: IterateOptions = {},
  ): AsyncGenerator<T, void, undefined> {
    return iterate<T>((...args) => this.select(...args), space, key, options)
  }

  /** The tuple with this key of a unique index; rejects with `ER_MORE_THAN_ONE_TUPLE` if the key fits several. */
  get<T = unknown[]>(space: SpaceName, key: KeyValue, options: IndexOptions = {}): Promise<T | undefined> {
    return this.#send(options, () => {
      const range = { iterator: ITERATORS.eq, limit: 2, offset: 0 }
      const index = checkName('index', options.index ?? 0)
      return withRows(new GetRequest<T>(checkName('space', space), index, checkKey(key), range, undefined), options)
    })
  }

  /** Stores a new tuple, and gives it as it was stored; rejects with `ER_TUPLE_FOUND` if its key is taken. */
  insert<T = unknown[]>(space: SpaceName, tuple: readonly unknown[], options?: RowOptions): Promise<T> {
    return this.#send(options, () =>
      withRows(new InsertRequest<T>(checkName('space', space), checkArray('tuple', tuple)), options),
    )
  }

  /** Stores a tuple in place of any with its primary key. */
  replace<T = unknown[]>(space: SpaceName, tuple: readonly unknown[], options?: RowOptions): Promise<T> {
    return this.#send(options, () =>
      withRows(new ReplaceRequest<T>(checkName('space', space), checkArray('tuple', tuple)), options),
    )
  }

  /** Changes fields of one tuple, and gives the tuple as it is then; undefined if there is none. See {@link ops}. */
  update<T = unknown[]>(
    space: SpaceName,
    key: KeyValue,
    operations: readonly UpdateOperation[],
    options: IndexOptions = {},
  ): Promise<T | undefined> {
    return this.#send(options, () => {
      const index = checkName('index', options.index ?? 0)
      const list = checkArray('operations', operations)
      return withRows(new UpdateRequest<T>(checkName('space', space), index, checkKey(key), list), options)
    })
  }

  /** Stores the tuple if its primary key is new, else applies the operations to what is there. */
  upsert(
    space: SpaceName,
    tuple: readonly unknown[],
    operations: readonly UpdateOperation[],
    options?: RequestOptions,
  ): Promise<void> {
    return this.#send(options, () => {
      const list = checkArray('operations', operations)
      return new UpsertRequest(checkName('space', space), checkArray('tuple', tuple), list)
    })
  }

  /** Deletes one tuple, and gives it; undefined if there is none. */
  delete<T = unknown[]>(space: SpaceName, key: KeyValue, options: IndexOptions = {}): Promise<T | undefined> {
    return this.#send(options, () => {
      const index = checkName('index', options.index ?? 0)
      return withRows(new DeleteRequest<T>(checkName('space', space), index, checkKey(key)), options)
    })
  }

  /** Calls a function of the server, and gives all that it returns. */
  call<R extends unknown[] = unknown[]>(
    functionName: string,
    args: readonly unknown[] = [],
    options: FunctionOptions = {},
  ): Promise<R> {
    const Type = options.call16 === true ? Call16Request : CallRequest
    return this.#send(options, () => {
      const name = checkText('functionName', functionName)
      return forCall(new Type<R>(name, checkArray('args', args), options.lazy), options)
    })
  }

  /** Runs Lua on the server, with `args` as `...`, and gives all that it returns. */
  eval<R extends unknown[] = unknown[]>(
    expression: string,
    args: readonly unknown[] = [],
    options: CallOptions = {},
  ): Promise<R> {
    return this.#send(options, () => {
      const text = checkText('expression', expression)
      return forCall(new EvalRequest<R>(text, checkArray('args', args), options.lazy), options)
    })
  }

  /** Runs one statement of SQL, or one that this client has prepared. */
  execute<R = Record<string, unknown>>(
    statement: string | ExecutableStatement<R>,
    bind: SqlBind = [],
    options: SqlOptions = {},
  ): Promise<SqlResult<R>> {
    if (typeof statement === 'object') return statement.executeOver(this.#owner, this.#send, bind, options)
    return this.#send(options, () => {
      const form = checkRows(options.rows ?? 'object')
      return new ExecuteRequest<R>(checkText('statement', statement), bindsFrom(bind), form)
    })
  }

  /**
   * Runs a statement whose values stand in `${}`: they are bound, and never become a part of its text.
   *
   * @example
   * const { rows } = await tnt.sql`SELECT * FROM users WHERE id = ${id}`
   */
  async sql<R = Record<string, unknown>>(
    strings: TemplateStringsArray,
    ...values: readonly unknown[]
  ): Promise<SqlResult<R>> {
    return this.execute<R>(...templateFrom(strings, values))
  }

  /** Gives a key a value, for all who watch it. The user needs the right to call `box.broadcast`. Server: >= 2.10. */
  broadcast(key: string, value: unknown, options?: RequestOptions): Promise<void> {
    return this.#send(options, () => new BroadcastRequest(checkText('key', key), value))
  }

  /** Stores the rows of an Arrow IPC stream in a space of an engine that can. Server: >= 3.3. */
  insertArrow(space: SpaceName, ipc: Uint8Array, options?: RequestOptions): Promise<void> {
    return this.#send(options, () => new InsertArrowRequest(checkName('space', space), checkBytes('ipc', ipc)))
  }

  /**
   * Sends a request of any type, and gives the body of its reply by key; for what has no method here. The keys are
   * numbers from Tarantool's `iproto_constants.h`; values are encoded as everywhere, so mind `double`.
   */
  request(
    type: number,
    body: ReadonlyMap<number, unknown>,
    options?: RequestOptions,
  ): Promise<ReadonlyMap<number, unknown>> {
    return this.#send(options, () => new RawRequest(checkByte('type', type), checkMap('body', body)))
  }
}

/** Has tuples come as the caller wants them. */
function withRows<Q extends Request>(request: Q, { rows }: RowOptions | CallOptions = {}): Q {
  if (rows === undefined) return request
  request.rows = checkRows(rows)
  if (rows === 'object' && request.lazy !== undefined) {
    throw new UsageError('INVALID_ARGUMENT', "Expected either `lazy` or `rows: 'object'`, got both")
  }
  return request
}

function forCall<Q extends Request>(request: Q, options: CallOptions): Q {
  const { rows, onPush } = options
  if (rows === undefined && onPush === undefined) return request
  request.onPush = checkFunction('onPush', onPush)
  if (rows === 'object') request.requires = 'call-ret-tuple-extension'
  return withRows(request, options)
}

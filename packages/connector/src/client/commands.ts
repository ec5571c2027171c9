import { UsageError } from '../errors.ts'
import type { LazyField } from '../msgpack/lazy.ts'
import { show } from '../options.ts'
import { ITERATORS, type Iterator, MAX_UINT32 } from '../protocol/constants.ts'
import type { Request } from '../protocol/request.ts'
import { CallRequest, EvalRequest } from '../protocol/requests/call.ts'
import { DeleteRequest } from '../protocol/requests/delete.ts'
import { InsertRequest, ReplaceRequest } from '../protocol/requests/insert.ts'
import { PingRequest } from '../protocol/requests/ping.ts'
import { GetRequest, SelectRequest } from '../protocol/requests/select.ts'
import { UpdateRequest } from '../protocol/requests/update.ts'
import { UpsertRequest } from '../protocol/requests/upsert.ts'
import {
  checkArray,
  checkKey,
  checkName,
  checkText,
  checkUint32,
  type KeyValue,
  type SpaceName,
  type UpdateOperation,
} from './arguments.ts'
import type { Lane } from './bulk-lane.ts'

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

export interface IndexOptions extends RequestOptions {
  /** Name or number. @default 0, the primary index */
  readonly index?: string | number | undefined
}

export interface CallOptions extends RequestOptions {
  /** Fields of the reply to hand back undecoded, as `RawField`. */
  readonly lazy?: LazyField | undefined
  /** Gets what the function sends by `box.session.push` before it returns; without it that is dropped and counted. */
  readonly onPush?: ((value: unknown) => void) | undefined
}

export interface SelectOptions extends IndexOptions {
  /** @default 'eq'; 'all' without a key */
  readonly iterator?: Iterator | undefined
  /** @default 4294967295, so all that match: mind the size of the space */
  readonly limit?: number | undefined
  /** @default 0 */
  readonly offset?: number | undefined
  /** Fields of the tuples to hand back undecoded; depth 0 is the array of tuples, 1 a tuple. */
  readonly lazy?: LazyField | undefined
}

/** Builds a request and sends it; what either throws becomes a rejection. */
export type Send = <R>(options: RequestOptions | undefined, build: () => Request<R>) => Promise<R>

/**
 * The requests of IPROTO over any way to send them. Methods never throw: a wrong argument rejects with a
 * `UsageError`. The types of rows and results are the caller's claim.
 */
export class Commands {
  readonly #send: Send

  constructor(send: Send) {
    this.#send = send
  }

  ping(options?: RequestOptions): Promise<void> {
    return this.#send(options, () => new PingRequest())
  }

  /** Tuples by a key of an index: all of the space without a key. Mind `limit`, which defaults to everything. */
  select<T = unknown[]>(space: SpaceName, key?: KeyValue, options: SelectOptions = {}): Promise<T[]> {
    return this.#send(options, () => {
      const { index = 0, limit = MAX_UINT32, offset = 0, lazy } = options
      const parts = checkKey(key ?? [])
      const iterator = checkIterator(options.iterator ?? (parts.length === 0 ? 'all' : 'eq'))
      const range = { iterator, limit: checkUint32('limit', limit), offset: checkUint32('offset', offset) }
      return new SelectRequest<T>(checkName('space', space), checkName('index', index), parts, range, lazy)
    })
  }

  /** The tuple with this key of a unique index; rejects with `ER_MORE_THAN_ONE_TUPLE` if the key fits several. */
  get<T = unknown[]>(space: SpaceName, key: KeyValue, options: IndexOptions = {}): Promise<T | undefined> {
    return this.#send(options, () => {
      const range = { iterator: ITERATORS.eq, limit: 2, offset: 0 }
      const index = checkName('index', options.index ?? 0)
      return new GetRequest<T>(checkName('space', space), index, checkKey(key), range, undefined)
    })
  }

  /** Stores a new tuple, and gives it as it was stored; rejects with `ER_TUPLE_FOUND` if its key is taken. */
  insert<T = unknown[]>(space: SpaceName, tuple: readonly unknown[], options?: RequestOptions): Promise<T> {
    return this.#send(options, () => new InsertRequest<T>(checkName('space', space), checkArray('tuple', tuple)))
  }

  /** Stores a tuple in place of any with its primary key. */
  replace<T = unknown[]>(space: SpaceName, tuple: readonly unknown[], options?: RequestOptions): Promise<T> {
    return this.#send(options, () => new ReplaceRequest<T>(checkName('space', space), checkArray('tuple', tuple)))
  }

  /** Changes fields of one tuple, and gives the tuple as it is then; undefined if there is none. */
  update<T = unknown[]>(
    space: SpaceName,
    key: KeyValue,
    operations: readonly UpdateOperation[],
    options: IndexOptions = {},
  ): Promise<T | undefined> {
    return this.#send(options, () => {
      const index = checkName('index', options.index ?? 0)
      const ops = checkArray('operations', operations)
      return new UpdateRequest<T>(checkName('space', space), index, checkKey(key), ops)
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
      const ops = checkArray('operations', operations)
      return new UpsertRequest(checkName('space', space), checkArray('tuple', tuple), ops)
    })
  }

  /** Deletes one tuple, and gives it; undefined if there is none. */
  delete<T = unknown[]>(space: SpaceName, key: KeyValue, options: IndexOptions = {}): Promise<T | undefined> {
    return this.#send(options, () => {
      const index = checkName('index', options.index ?? 0)
      return new DeleteRequest<T>(checkName('space', space), index, checkKey(key))
    })
  }

  /** Calls a function of the server, and gives all that it returns. */
  call<R extends unknown[] = unknown[]>(
    functionName: string,
    args: readonly unknown[] = [],
    options?: CallOptions,
  ): Promise<R> {
    return this.#send(options, () =>
      pushing(
        new CallRequest<R>(checkText('functionName', functionName), checkArray('args', args), options?.lazy),
        options,
      ),
    )
  }

  /** Runs Lua on the server, with `args` as `...`, and gives all that it returns. */
  eval<R extends unknown[] = unknown[]>(
    expression: string,
    args: readonly unknown[] = [],
    options?: CallOptions,
  ): Promise<R> {
    return this.#send(options, () =>
      pushing(
        new EvalRequest<R>(checkText('expression', expression), checkArray('args', args), options?.lazy),
        options,
      ),
    )
  }
}

function pushing<R>(request: Request<R>, options: CallOptions | undefined): Request<R> {
  const onPush = options?.onPush
  if (onPush === undefined) return request
  if (typeof onPush !== 'function') {
    throw new UsageError('INVALID_ARGUMENT', `Expected \`onPush\` to be a function, got ${show(onPush)}`)
  }
  request.onPush = onPush
  return request
}

function checkIterator(name: Iterator): number {
  const number: number | undefined = Object.hasOwn(ITERATORS, name) ? ITERATORS[name] : undefined
  if (number !== undefined) return number
  const names = Object.keys(ITERATORS).join(', ')
  throw new UsageError('INVALID_ARGUMENT', `Expected \`iterator\` to be one of ${names}; got \`${name}\``)
}

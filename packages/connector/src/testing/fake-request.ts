import { ITERATORS, type Iterator, Key } from '../protocol/constants.ts'

/** A request as the fake server has received it: what the client put on the wire, decoded again. */
export interface FakeRequest {
  /** The server's word for its type, such as `select`, `call` or `begin`; `get` is a `select` with limit 2. */
  readonly operation: string
  /** Number or name, as the caller gave it; undefined if the request is to no space. */
  readonly space: string | number | undefined
  /** Number or name; 0 is the primary one. */
  readonly index: string | number
  /** Of a select, an update or a delete; empty for all of the space. */
  readonly key: readonly unknown[]
  /** Of an insert, a replace or an upsert. */
  readonly tuple: readonly unknown[]
  /** Of an update or an upsert. */
  readonly operations: readonly unknown[]
  readonly iterator: Iterator
  readonly limit: number
  readonly offset: number
  /** Name of the function of a call, Lua of an eval, SQL of an execute; else empty. */
  readonly text: string
  /** Of a call, an eval or an execute. */
  readonly args: readonly unknown[]
  /** 0 outside streams. */
  readonly stream: number
  /** All of the body by the keys of IPROTO, for what has no field here. */
  readonly body: ReadonlyMap<number, unknown>
}

/** Body keys of which each operation has at most one. */
const TEXTS = [Key.FUNCTION_NAME, Key.EXPR, Key.SQL_TEXT]

export function readFakeRequest(operation: string, stream: number, body: ReadonlyMap<number, unknown>): FakeRequest {
  const list = (key: number): readonly unknown[] => {
    const value = body.get(key)
    return Array.isArray(value) ? value : []
  }
  const number = (key: number): number => Number(body.get(key) ?? 0)
  // TUPLE carries a tuple, the operations of an update, or arguments.
  const tuple = list(Key.TUPLE)
  const takesTuple = operation === 'insert' || operation === 'replace' || operation === 'upsert'
  const takesArgs = operation === 'call' || operation === 'eval'
  return {
    operation,
    space: name(body.get(Key.SPACE_NAME) ?? body.get(Key.SPACE_ID)),
    index: name(body.get(Key.INDEX_NAME) ?? body.get(Key.INDEX_ID)) ?? 0,
    key: list(Key.KEY),
    tuple: takesTuple ? tuple : [],
    operations: operation === 'update' ? tuple : list(Key.OPS),
    iterator: iteratorName(number(Key.ITERATOR)),
    limit: number(Key.LIMIT),
    offset: number(Key.OFFSET),
    text: TEXTS.map((key) => body.get(key)).find((text) => typeof text === 'string') ?? '',
    args: takesArgs ? tuple : list(Key.SQL_BIND),
    stream,
    body,
  }
}

function name(value: unknown): string | number | undefined {
  return typeof value === 'string' || typeof value === 'number' ? value : undefined
}

function iteratorName(number: number): Iterator {
  // The keys of ITERATORS are its literal's, which Object.keys cannot say.
  const names = Object.keys(ITERATORS) as Iterator[]
  return names.find((candidate) => ITERATORS[candidate] === number) ?? 'eq'
}

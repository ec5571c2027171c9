import type { RequestOptions } from '../client/request-options.ts'
import type { RowForm } from '../protocol/request.ts'

/**
 * `timeoutMs` and `signal` are of the request to the router; the others travel to crud, whose names they have in
 * camel case.
 */
export interface CrudOptions extends RequestOptions {
  /** Seconds that the router gives the storages. @default crud's own, 2 */
  readonly timeout?: number | undefined
  /** Of vshard, where several are configured. @default crud's own */
  readonly vshardRouter?: string | undefined
}

/** What gives rows. */
export interface CrudRowOptions extends CrudOptions {
  /** 'object': rows by the names of their fields. @default 'array' */
  readonly rows?: RowForm | undefined
  /** Names of the fields to give. @default all */
  readonly fields?: readonly string[] | undefined
}

export interface CrudWriteOptions extends CrudRowOptions {
  /** @default as vshard computes it from the primary key */
  readonly bucketId?: number | undefined
  /** Gives the rows as they were stored; false gives none, which is cheaper. @default crud's own, true */
  readonly noreturn?: boolean | undefined
  /** Asks the storage for the space's format with each call. @default crud's own, false */
  readonly fetchLatestMetadata?: boolean | undefined
}

export interface CrudManyOptions extends CrudRowOptions {
  /** Stops on a storage at its first error. @default crud's own, false */
  readonly stopOnError?: boolean | undefined
  /** Undoes all that a storage has done of the call when one of its operations fails. @default crud's own, false */
  readonly rollbackOnError?: boolean | undefined
  readonly noreturn?: boolean | undefined
  readonly fetchLatestMetadata?: boolean | undefined
}

/** Which instance of a replica set reads. */
export interface CrudReplicaOptions extends CrudOptions {
  /** @default crud's own, 'read' */
  readonly mode?: 'read' | 'write' | undefined
  readonly preferReplica?: boolean | undefined
  readonly balance?: boolean | undefined
}

export interface CrudReadOptions extends CrudRowOptions, CrudReplicaOptions {
  readonly bucketId?: number | undefined
  readonly fetchLatestMetadata?: boolean | undefined
}

export interface CrudSelectOptions extends CrudReadOptions {
  /** How many rows; a negative number for the last ones, with `after`. @default all, of which crud warns in its log */
  readonly first?: number | undefined
  /** The row behind which to go on, as an array. */
  readonly after?: readonly unknown[] | undefined
  /** Rows that one request to a storage takes. @default crud's own, 100 */
  readonly batchSize?: number | undefined
  /** Lets a select without an index read all of the space. @default crud's own, false */
  readonly fullscan?: boolean | undefined
  readonly forceMapCall?: boolean | undefined
  readonly yieldEvery?: number | undefined
}

export interface CrudCountOptions extends CrudReplicaOptions {
  readonly bucketId?: number | undefined
  readonly fullscan?: boolean | undefined
  readonly forceMapCall?: boolean | undefined
  readonly yieldEvery?: number | undefined
}

export interface CrudBorderOptions extends CrudRowOptions, CrudReplicaOptions {
  readonly fetchLatestMetadata?: boolean | undefined
}

/** `field` is the name or number of a field, or the name of an index. */
export type CrudCondition = readonly [
  operator: '=' | '==' | '<' | '<=' | '>' | '>=',
  field: string | number,
  value: unknown,
]

/** The names that crud has for them; what is not here is not sent. */
const NAMES: ReadonlyMap<string, string> = new Map([
  ['timeout', 'timeout'],
  ['vshardRouter', 'vshard_router'],
  ['fields', 'fields'],
  ['bucketId', 'bucket_id'],
  ['noreturn', 'noreturn'],
  ['fetchLatestMetadata', 'fetch_latest_metadata'],
  ['stopOnError', 'stop_on_error'],
  ['rollbackOnError', 'rollback_on_error'],
  ['mode', 'mode'],
  ['preferReplica', 'prefer_replica'],
  ['balance', 'balance'],
  ['first', 'first'],
  ['after', 'after'],
  ['batchSize', 'batch_size'],
  ['fullscan', 'fullscan'],
  ['forceMapCall', 'force_map_call'],
  ['yieldEvery', 'yield_every'],
])

/** The options as crud takes them. */
export function toCrudOptions(options: CrudOptions): Readonly<Record<string, unknown>> {
  const sent: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(options)) {
    const crudName = NAMES.get(name)
    if (crudName !== undefined && value !== undefined) sent[crudName] = value
  }
  return sent
}

/** What the request to the router takes. */
export function toRequestOptions(options: CrudOptions): RequestOptions {
  const { timeoutMs, signal, lane, idempotent } = options
  return { timeoutMs, signal, lane, idempotent }
}

import type { KeyValue, UpdateOperation } from '../client/arguments.ts'
import type { FunctionOptions } from '../client/request-options.ts'
import { CrudError, type CrudFailure, failuresFrom } from './crud-error.ts'
import {
  type CrudBorderOptions,
  type CrudCondition,
  type CrudCountOptions,
  type CrudManyOptions,
  type CrudOptions,
  type CrudReadOptions,
  type CrudRowOptions,
  type CrudSelectOptions,
  type CrudWriteOptions,
  toCrudOptions,
  toRequestOptions,
} from './crud-options.ts'
import { type CrudManyResult, type CrudResult, malformed, resultFrom } from './crud-result.ts'

/** What crud is called through: a client, a stream, a part of a pool. */
export interface CrudCaller {
  call(functionName: string, args: readonly unknown[], options?: FunctionOptions): Promise<unknown[]>
}

/** A row as an array, or as an object by the names of its fields. */
export type CrudRow = readonly unknown[] | Readonly<Record<string, unknown>>

/**
 * The functions of the module tarantool/crud on a router of a cluster. Field numbers of conditions and operations
 * count from 1, for crud is Lua. Each method rejects with a {@link CrudError} where crud answers with an error.
 *
 * @example
 * const crud = new Crud(await connect('router:3301'))
 * const { rows } = await crud.select('customers', [['>=', 'age', 18]], { first: 10, rows: 'object' })
 */
export class Crud {
  readonly #caller: CrudCaller

  constructor(caller: CrudCaller) {
    this.#caller = caller
  }

  insert<T = unknown[]>(space: string, row: CrudRow, options?: CrudWriteOptions): Promise<CrudResult<T>> {
    return this.#rows(nameFor('insert', row), [space, row], options)
  }

  replace<T = unknown[]>(space: string, row: CrudRow, options?: CrudWriteOptions): Promise<CrudResult<T>> {
    return this.#rows(nameFor('replace', row), [space, row], options)
  }

  /** Gives no rows. */
  async upsert(
    space: string,
    row: CrudRow,
    operations: readonly UpdateOperation[],
    options?: CrudWriteOptions,
  ): Promise<void> {
    await this.#rows(nameFor('upsert', row), [space, row, operations], options)
  }

  /** Rows all as arrays, or all as objects. Resolves if any of them was stored; look at `failures`. */
  insertMany<T = unknown[]>(
    space: string,
    rows: readonly CrudRow[],
    options?: CrudManyOptions,
  ): Promise<CrudManyResult<T>> {
    return this.#many(nameForMany('insert', rows), [space, rows], options)
  }

  /** Like {@link insertMany}. */
  replaceMany<T = unknown[]>(
    space: string,
    rows: readonly CrudRow[],
    options?: CrudManyOptions,
  ): Promise<CrudManyResult<T>> {
    return this.#many(nameForMany('replace', rows), [space, rows], options)
  }

  /** Like {@link insertMany}; gives no rows. */
  upsertMany(
    space: string,
    rows: readonly (readonly [row: CrudRow, operations: readonly UpdateOperation[]])[],
    options?: CrudManyOptions,
  ): Promise<CrudManyResult<never>> {
    const name = nameForMany(
      'upsert',
      rows.map(([row]) => row),
    )
    return this.#many(name, [space, rows], options)
  }

  /** The row with this primary key; undefined if there is none. */
  async get<T = unknown[]>(space: string, key: KeyValue, options?: CrudReadOptions): Promise<T | undefined> {
    const { rows } = await this.#rows<T>('crud.get', [space, key], options)
    return rows[0]
  }

  /** The row as it is then; undefined if there was none, or with `noreturn`. */
  async update<T = unknown[]>(
    space: string,
    key: KeyValue,
    operations: readonly UpdateOperation[],
    options?: CrudWriteOptions,
  ): Promise<T | undefined> {
    const { rows } = await this.#rows<T>('crud.update', [space, key, operations], options)
    return rows[0]
  }

  /** The row that was there; undefined if there was none, with `noreturn`, and of a vinyl space. */
  async delete<T = unknown[]>(space: string, key: KeyValue, options?: CrudWriteOptions): Promise<T | undefined> {
    const { rows } = await this.#rows<T>('crud.delete', [space, key], options)
    return rows[0]
  }

  /** Rows that meet all conditions; the first one on an index decides the order. */
  select<T = unknown[]>(
    space: string,
    conditions: readonly CrudCondition[] = [],
    options?: CrudSelectOptions,
  ): Promise<CrudResult<T>> {
    return this.#rows('crud.select', [space, conditions], options)
  }

  /** The row with the least key of an index. */
  min<T = unknown[]>(space: string, index?: string | number, options?: CrudBorderOptions): Promise<T | undefined> {
    return this.#border('crud.min', space, index, options)
  }

  /** The row with the greatest key of an index. */
  max<T = unknown[]>(space: string, index?: string | number, options?: CrudBorderOptions): Promise<T | undefined> {
    return this.#border('crud.max', space, index, options)
  }

  async count(space: string, conditions: readonly CrudCondition[] = [], options?: CrudCountOptions): Promise<number> {
    return asNumber(await this.#value('crud.count', [space, conditions], options))
  }

  /** Rows of the space in the whole cluster. */
  async len(space: string, options?: CrudOptions): Promise<number> {
    return asNumber(await this.#value('crud.len', [space], options))
  }

  async truncate(space: string, options?: CrudOptions): Promise<void> {
    await this.#value('crud.truncate', [space], options)
  }

  /** What each storage says of itself, by its name or address. */
  storageInfo(options?: CrudOptions): Promise<unknown> {
    return this.#value('crud.storage_info', [], options)
  }

  async #border<T>(
    name: string,
    space: string,
    index: string | number | undefined,
    options: CrudBorderOptions | undefined,
  ): Promise<T | undefined> {
    const { rows } = await this.#rows<T>(name, [space, index], options)
    return rows[0]
  }

  async #rows<T>(name: string, args: readonly unknown[], options: CrudRowOptions | undefined): Promise<CrudResult<T>> {
    return resultFrom<T>(await this.#value(name, args, options), options?.rows ?? 'array')
  }

  /** Some of many may have been done although there is an error; if none was, it is the whole call's. */
  async #many<T>(
    name: string,
    args: readonly unknown[],
    options: CrudManyOptions | undefined,
  ): Promise<CrudManyResult<T>> {
    const [value, failures] = await this.#call(name, args, options)
    if (failures.length > 0 && (value === null || value === undefined)) throw new CrudError(name, failures)
    return { ...resultFrom<T>(value, options?.rows ?? 'array'), failures }
  }

  async #value(name: string, args: readonly unknown[], options: CrudOptions | undefined): Promise<unknown> {
    const [value, failures] = await this.#call(name, args, options)
    if (failures.length > 0) throw new CrudError(name, failures)
    return value
  }

  async #call(
    name: string,
    args: readonly unknown[],
    options: CrudOptions = {},
  ): Promise<readonly [value: unknown, failures: readonly CrudFailure[]]> {
    const sent = [...args, toCrudOptions(options)]
    const [value, error] = await this.#caller.call(name, sent, toRequestOptions(options))
    return [value, failuresFrom(error)]
  }
}

function nameFor(operation: string, row: CrudRow): string {
  return `crud.${operation}${Array.isArray(row) ? '' : '_object'}`
}

function nameForMany(operation: string, rows: readonly CrudRow[]): string {
  const isObject = rows.length > 0 && !Array.isArray(rows[0])
  return `crud.${operation}${isObject ? '_object' : ''}_many`
}

function asNumber(value: unknown): number {
  if (typeof value === 'number') return value
  throw malformed(`a ${typeof value} instead of a number`)
}

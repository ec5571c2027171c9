import type { Page } from '../protocol/requests/select.ts'
import type { KeyValue, UpdateOperation } from './arguments.ts'
import type { Commands } from './commands.ts'
import type {
  CallOptions,
  IndexOptions,
  IterateOptions,
  RequestOptions,
  RowOptions,
  SelectOptions,
} from './request-options.ts'
import type { Stream } from './stream.ts'
import type { TransactionOptions } from './transaction.ts'

/**
 * What a user says of a server: the type of a tuple for each space, and a signature for each function, whose result
 * is the array of all that it returns. What is left out stays untyped. Nothing is checked at run time.
 *
 * @example
 * interface Schema {
 *   spaces: { users: [id: number, name: string] }
 *   functions: { add(a: number, b: number): [sum: number] }
 * }
 */
export interface ClientSchema {
  // `object`, for an interface has no index signature that a Record would ask for.
  readonly spaces?: object
  readonly functions?: object
}

type SpacesOf<S> = S extends { readonly spaces: infer Spaces } ? Spaces : Record<string, unknown[]>
type FunctionsOf<S> = S extends { readonly functions: infer Functions }
  ? Functions
  : Record<string, (...args: unknown[]) => unknown[]>

/** Names of the spaces of a schema. */
export type SpaceOf<S> = keyof SpacesOf<S> & string
/** What a select of this space gives. */
export type RowOf<S, K extends SpaceOf<S>> = SpacesOf<S>[K]
/** What an insert into this space takes. */
export type TupleOf<S, K extends SpaceOf<S>> = Extract<Readonly<RowOf<S, K>>, readonly unknown[]>
/** Names of the functions of a schema. */
export type FunctionOf<S> = keyof FunctionsOf<S> & string

type ArgsOf<F> = F extends (...args: infer A) => unknown ? A : never
type ReturnsOf<F> = F extends (...args: never[]) => infer R ? R : never

/** A function without parameters may be called without `args`. */
type CallRest<A extends unknown[]> = [] extends A
  ? [args?: Readonly<A>, options?: CallOptions]
  : [args: Readonly<A>, options?: CallOptions]

/** A schema types rows as arrays; for rows as objects take the plain client. */
type Arrays<O extends RowOptions> = Omit<O, 'rows'>

/** The requests to spaces and functions, with names and types from a schema; see the methods of `Client`. */
export interface TypedCommands<S extends ClientSchema> {
  select<K extends SpaceOf<S>>(space: K, key?: KeyValue, options?: Arrays<SelectOptions>): Promise<Page<RowOf<S, K>>>
  iterate<K extends SpaceOf<S>>(
    space: K,
    key?: KeyValue,
    options?: Arrays<IterateOptions>,
  ): AsyncGenerator<RowOf<S, K>, void, undefined>
  get<K extends SpaceOf<S>>(space: K, key: KeyValue, options?: Arrays<IndexOptions>): Promise<RowOf<S, K> | undefined>
  insert<K extends SpaceOf<S>>(space: K, tuple: TupleOf<S, K>, options?: Arrays<RowOptions>): Promise<RowOf<S, K>>
  replace<K extends SpaceOf<S>>(space: K, tuple: TupleOf<S, K>, options?: Arrays<RowOptions>): Promise<RowOf<S, K>>
  update<K extends SpaceOf<S>>(
    space: K,
    key: KeyValue,
    operations: readonly UpdateOperation[],
    options?: Arrays<IndexOptions>,
  ): Promise<RowOf<S, K> | undefined>
  upsert<K extends SpaceOf<S>>(
    space: K,
    tuple: TupleOf<S, K>,
    operations: readonly UpdateOperation[],
    options?: RequestOptions,
  ): Promise<void>
  delete<K extends SpaceOf<S>>(
    space: K,
    key: KeyValue,
    options?: Arrays<IndexOptions>,
  ): Promise<RowOf<S, K> | undefined>
  call<F extends FunctionOf<S>>(
    functionName: F,
    ...rest: CallRest<ArgsOf<FunctionsOf<S>[F]>>
  ): Promise<ReturnsOf<FunctionsOf<S>[F]>>
}

/** Streams and transactions whose requests are typed, too; see the methods of `Client`. */
export interface TypedTransactions<S extends ClientSchema> {
  stream(): Typed<Stream, S>
  begin<T>(body: (tx: Typed<Commands, S>) => Promise<T> | T, options?: TransactionOptions): Promise<T>
}

type Replaced<C, S extends ClientSchema> = C extends { readonly stream: unknown }
  ? TypedCommands<S> & TypedTransactions<S>
  : TypedCommands<S>

/** An object with these requests, such as a client, a stream or a pool, as a schema types it. */
export type Typed<C, S extends ClientSchema> = Omit<C, keyof Replaced<C, S>> & Replaced<C, S>

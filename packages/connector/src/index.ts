export type { KeyValue, SpaceName, UpdateOperation } from './client/arguments.ts'
export { Client, type ClientStats, connect } from './client/client.ts'
export type { ClientEmitter, ClientEvents } from './client/client-emitter.ts'
export type { Commands } from './client/commands.ts'
export type { Status } from './client/link.ts'
export type { Prepared } from './client/prepared.ts'
export type {
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
} from './client/request-options.ts'
export type { SqlBind } from './client/sql-binds.ts'
export type { BeginOptions, CommitOptions, Stream } from './client/stream.ts'
export type { KeyValues, Subscription } from './client/subscription.ts'
export type { TransactionBody, TransactionOptions } from './client/transaction.ts'
export { type TypedClient, typed } from './client/typed.ts'
export type { ClientSchema, FunctionOf, RowOf, SpaceOf, Typed, TypedCommands } from './client/typed-commands.ts'
export { type Amount, type FieldPath, ops } from './client/update-operations.ts'
export type { ConnectMessage, DisconnectMessage, RequestMessage } from './diagnostics.ts'
export {
  ConnectionError,
  type ConnectorErrorCode,
  type ErrorFacts,
  type ErrorFrame,
  ProtocolError,
  ServerError,
  type ServerErrorCode,
  TarantellaError,
  TimeoutError,
  UsageError,
} from './errors.ts'
export { decode } from './msgpack/decode.ts'
export { Encoder, encode, pack } from './msgpack/encode.ts'
export { DateTime, type DateTimeParts } from './msgpack/ext/datetime.ts'
export { Decimal } from './msgpack/ext/decimal.ts'
export { ErrorValue } from './msgpack/ext/error-value.ts'
export { defineExtension, type Extension, type ExtensionDefinition, ExtensionTable } from './msgpack/ext/extension.ts'
export { type FieldFormat, TupleFormats } from './msgpack/ext/formats.ts'
export { Interval, type IntervalAdjust, type IntervalFields } from './msgpack/ext/interval.ts'
export { NamedTuple, namedTuple } from './msgpack/ext/named-tuple.ts'
export { Tuple } from './msgpack/ext/tuple.ts'
export { Uuid } from './msgpack/ext/uuid.ts'
export type { LazyField } from './msgpack/lazy.ts'
export { RawField, RawMsgpack } from './msgpack/raw.ts'
export type { Int64Form } from './msgpack/reader.ts'
export { Double, double, Ext, Float32, float32 } from './msgpack/values.ts'
export type { AuthMethod, ConnectOptions, Demands, ReconnectOptions } from './options.ts'
export { connectPool, type PinOptions, Pool, type PoolEvents } from './pool/pool.ts'
export type { InstanceTarget, PoolOptions } from './pool/pool-options.ts'
export type { InstanceState, Mode, Role } from './pool/roles.ts'
export type { Iterator } from './protocol/constants.ts'
export type { Feature, ServerInfo } from './protocol/features.ts'
export type { RowForm } from './protocol/request.ts'
export type { IsolationLevel } from './protocol/requests/begin.ts'
export type { SqlResult } from './protocol/requests/execute.ts'
export type { Page } from './protocol/requests/select.ts'
export type { SqlColumn } from './protocol/sql-columns.ts'
export type { Address } from './util/address.ts'
export type { TlsBytes, TlsOptions } from './util/tls-options.ts'

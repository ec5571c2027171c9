import { type Attributes, type Span, SpanKind, SpanStatusCode, type TracerProvider, trace } from '@opentelemetry/api'
import {
  type ConnectMessage,
  connectChannel,
  errorLabel,
  listen,
  type RequestMessage,
  requestChannel,
} from './diagnostics.ts'
import { ServerError } from './errors.ts'
import { type Address, formatAddress } from './util/address.ts'

/** Names the tracer; the version of the connector is the version of the package. */
const TRACER = '@tarantella/connector'

export interface InstrumentOptions {
  /** @default the global one, as it is when `instrument` is called */
  readonly tracerProvider?: TracerProvider | undefined
}

/**
 * Makes a span of every request and of every try to connect, of all clients of this process, until the returned
 * function is called. Names and attributes follow OpenTelemetry's semantic conventions for database clients;
 * arguments, keys, tuples and Lua code are in none of them. A span's parent is the one that is active at the call.
 *
 * @example
 * const stop = instrument()
 * await tnt.select('users', 1) // span "select users", kind client
 * stop()
 */
export function instrument({ tracerProvider }: InstrumentOptions = {}): () => void {
  const tracer = (tracerProvider ?? trace).getTracer(TRACER)
  const spans = new WeakMap<object, Span>()

  const begin = (message: object, name: string, attributes: Attributes): void => {
    spans.set(message, tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes }))
  }
  // What has begun before this function was called has no span.
  const failed = (message: { error?: unknown }): void => {
    const { error } = message
    const text = error instanceof Error ? error.message : String(error)
    spans.get(message)?.setStatus({ code: SpanStatusCode.ERROR, message: text }).setAttributes(errorAttributes(error))
  }
  const settled = (message: object): void => spans.get(message)?.end()

  const stops = [
    listen<RequestMessage>(requestChannel, {
      started: (message) => begin(message, requestName(message), requestAttributes(message)),
      failed,
      settled,
    }),
    listen<ConnectMessage>(connectChannel, {
      started: (message) => begin(message, `connect ${formatAddress(message.address)}`, connectAttributes(message)),
      failed,
      settled,
    }),
  ]
  return () => {
    for (const stop of stops) stop()
  }
}

/** "{operation} {target}", with the server as the target where there is no better one. */
function requestName({ operation, space, functionName, address }: RequestMessage): string {
  return `${operation} ${functionName ?? space ?? formatAddress(address)}`
}

function requestAttributes({ operation, space, functionName, address }: RequestMessage): Attributes {
  const attributes: Attributes = {
    'db.system.name': 'tarantool',
    'db.operation.name': operation,
    ...serverAttributes(address),
  }
  if (space !== undefined) attributes['db.collection.name'] = String(space)
  if (functionName !== undefined) attributes['db.stored_procedure.name'] = functionName
  return attributes
}

function connectAttributes({ address }: ConnectMessage): Attributes {
  return { 'db.system.name': 'tarantool', ...serverAttributes(address) }
}

/** A Unix socket's path is an address without a port. */
function serverAttributes(address: Address): Attributes {
  if ('path' in address) return { 'server.address': address.path }
  return { 'server.address': address.host, 'server.port': address.port }
}

function errorAttributes(error: unknown): Attributes {
  const attributes: Attributes = { 'error.type': errorLabel(error) }
  if (error instanceof ServerError) attributes['db.response.status_code'] = String(error.number)
  return attributes
}

import {
  type Channel,
  channel,
  subscribe,
  type TracingChannel,
  tracingChannel,
  unsubscribe,
} from 'node:diagnostics_channel'
import { TarantellaError } from './errors.ts'
import type { Address } from './util/address.ts'

/*
 * Names and payloads are a contract with subscribers. A payload never holds arguments, keys, tuples, results,
 * Lua code or passwords. One object tells of one action on all events of a tracing channel:
 *
 *   start → end → (error →) asyncStart → asyncEnd
 *
 * `start` and `end` surround the call, the others come when its promise settles, before the caller hears of it.
 */

/** One request, on `tracing:tarantella:request:*`. Wrong arguments are refused before it begins. */
export interface RequestMessage {
  /** The server's word for the type of request, such as `select`, `call` or `eval`; `get` is a `select`. */
  readonly operation: string
  /** As the caller gave it. */
  readonly space: string | number | undefined
  /** Of a call. */
  readonly functionName: string | undefined
  /** Where the client connects to. */
  readonly address: Address
  /** The request's number on its connection, once it was sent; 0 before. */
  readonly sync: number
  /** From `error` on. */
  error?: unknown
}

/** One try to establish a session, on `tracing:tarantella:connect:*`. */
export interface ConnectMessage {
  readonly address: Address
  /** Undefined for the guest. */
  readonly user: string | undefined
  /** Whether a session has been there before. */
  readonly isReconnect: boolean
  /** From `error` on. */
  error?: unknown
}

/** A session has ended by itself, on `tarantella:disconnect`. */
export interface DisconnectMessage {
  readonly address: Address
  readonly error: unknown
}

export const requestChannel: TracingChannel<RequestMessage, RequestMessage> = tracingChannel('tarantella:request')
export const connectChannel: TracingChannel<ConnectMessage, ConnectMessage> = tracingChannel('tarantella:connect')
const disconnectChannel: Channel = channel('tarantella:disconnect')

export function tellDisconnected(message: DisconnectMessage): void {
  disconnectChannel.publish(message)
}

/** Returns what ends the subscription. */
export function onDisconnect(hear: (message: DisconnectMessage) => void): () => void {
  return on(disconnectChannel, hear)
}

export interface TraceListener<M> {
  started?(message: M): void
  failed?(message: M): void
  /** After `failed`, too. */
  settled(message: M): void
}

/** Returns what ends the subscription. */
export function listen<M extends object>(tracing: TracingChannel<M, M>, listener: TraceListener<M>): () => void {
  const stops = [
    on(tracing.start, (message: M) => listener.started?.(message)),
    on(tracing.error, (message: M) => listener.failed?.(message)),
    on(tracing.asyncEnd, (message: M) => listener.settled(message)),
  ]
  return () => {
    for (const stop of stops) stop()
  }
}

function on({ name }: Pick<Channel, 'name'>, hear: (message: never) => void): () => void {
  const listener = (message: unknown): void => {
    // Each channel passes on messages of one type alone, the one that `hear` expects.
    hear(message as never)
  }
  subscribe(name, listener)
  return () => {
    unsubscribe(name, listener)
  }
}

/** What an error is counted under: a code of ours or of the server, else its name. */
export function errorLabel(error: unknown): string {
  if (error instanceof TarantellaError) return String(error.code)
  return error instanceof Error ? error.name : '_OTHER'
}

/**
 * Runs an action, which must not throw, between the events of a channel. To be called only if somebody listens
 * (`hasSubscribers`), so that nobody else pays for the message. Other than `tracePromise` it does not publish
 * the result. What it returns is another promise than the action's, so that a rejection which the caller does
 * not handle is still seen by the runtime.
 */
export function trace<M extends { error?: unknown }, R>(
  tracing: TracingChannel<M, M>,
  message: M,
  run: () => Promise<R>,
): Promise<R> {
  const promise = tracing.start.runStores(message, run)
  tracing.end.publish(message)
  const settled = (): void => {
    tracing.asyncStart.publish(message)
    tracing.asyncEnd.publish(message)
  }
  return promise.then(
    (value) => {
      settled()
      return value
    },
    (error: unknown) => {
      message.error = error
      tracing.error.publish(message)
      settled()
      throw error
    },
  )
}

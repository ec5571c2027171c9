import { connect, decode, pack as packValue, RawMsgpack } from '@tarantella/connector'

export { connect }

/** Where a server is: a URI, or the connector's options. */
export type ConnectTarget = Parameters<typeof connect>[0]

/** Options of one call through a {@link Caller}. */
export interface CallOptions {
  /** Milliseconds until the call rejects; `Infinity` for none. The connector's default if absent. */
  readonly timeoutMs?: number
  /** Rejects with its reason; the server may go on with the call. A connection that does not know it ignores it. */
  readonly signal?: AbortSignal
}

export type CallerEvent = 'connect' | 'disconnect' | 'close'

/**
 * What the queue needs of a connection. The connector's `Client` is one; tests fake it.
 * Events: `connect` after each established session, `disconnect` when one is lost, `close` when
 * there will be none any more.
 */
export interface Caller {
  call(fn: string, args: readonly unknown[], options?: CallOptions): Promise<unknown[]>
  on(event: CallerEvent, listener: () => void): unknown
  off(event: CallerEvent, listener: () => void): unknown
}

/** Time as the queue sees it, so that tests need no real clock. */
export interface Clock {
  /** Milliseconds of a clock that never steps. */
  now(): number
  /** Resolves after `ms` milliseconds, or at once when the signal aborts. It does not hold the process. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

export const systemClock: Clock = {
  now: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted === true) {
        resolve()
        return
      }
      const finish = (): void => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', finish)
        resolve()
      }
      const timer = setTimeout(finish, ms)
      timer.unref()
      signal?.addEventListener('abort', finish, { once: true })
    }),
}

/** A value that is MessagePack already, and how many bytes it has. */
export interface Packed {
  readonly value: unknown
  readonly size: number
}

/** Encodes now, so that a bad value fails alone and later changes of an object do not travel. */
export function pack(value: unknown): Packed {
  const raw = packValue(value)
  return { value: raw, size: raw.bytes.byteLength }
}

/** The value of {@link Packed.value}. */
export function unpack(value: unknown): unknown {
  return value instanceof RawMsgpack ? decode(value.bytes) : value
}

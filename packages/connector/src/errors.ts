/**
 * Codes of the errors that the connector itself raises. An error that the server
 * answered with has the server's own name as its code (`ER_TUPLE_FOUND`), see
 * {@link ServerError}. Match on `code`, never on the text.
 */
export type ConnectorErrorCode =
  | 'INVALID_ARGUMENT' // an option or argument has the wrong type or range
  | 'INVALID_URI' // the address cannot be understood
  | 'ENCODE_FAILED' // a value has no MessagePack form
  | 'DECODE_FAILED' // bytes are not MessagePack, or nest too deep
  | 'REQUEST_TOO_LARGE' // one request is above `maxFrameBytes`
  | 'CONNECT_FAILED' // refused, unreachable, name not found
  | 'CONNECT_TIMEOUT' // no session within `connectTimeoutMs`
  | 'AUTH_FAILED' // user or password refused
  | 'NOT_TARANTOOL' // the peer does not speak IPROTO
  | 'CONNECTION_LOST' // the socket ended while the request was under way
  | 'CONNECTION_CLOSED' // close() or destroy() was called
  | 'PROTOCOL_ERROR' // the peer sent bytes that IPROTO does not allow
  | 'FRAME_TOO_LARGE' // a reply is above `maxFrameBytes`
  | 'REQUEST_TIMEOUT' // no reply within `timeoutMs`
  | 'OVERLOADED' // `maxInFlight` or the offline queue is full
  | 'COMMIT_UNKNOWN' // the connection was lost, or the time was up, while COMMIT was under way
  | 'TRANSACTION_ENDED' // a command of `begin` was used after its function had returned
  | 'UNSUPPORTED' // the server lacks the feature; the text names it and its first version

/** A server's own error name, as in Tarantool's `errcode.h`; `ER_<number>` if this list lacks it. */
export type ServerErrorCode = `ER_${string}`

/** What every Tarantella error says beside its text. */
export interface ErrorFacts {
  /** Whether repeating the same request is safe: nothing of it can have been executed, or it was refused for a passing reason. */
  readonly retryable: boolean
  /** Whether the request may have reached the server, and so may have been executed. */
  readonly sent: boolean
  readonly cause?: unknown
}

// A plain property name, for a computed one cannot be declared in isolation (isolatedDeclarations).
const BRAND = '@@tarantella.error'

/**
 * Root of all errors of Tarantella's packages. `instanceof` works across two installed
 * copies of a package, for the check is by brand.
 */
export class TarantellaError<Code extends string = string> extends Error {
  readonly code: Code
  readonly retryable: boolean
  readonly sent: boolean
  readonly '@@tarantella.error' = true

  constructor(code: Code, message: string, facts: ErrorFacts) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause })
    this.name = new.target.name
    this.code = code
    this.retryable = facts.retryable
    this.sent = facts.sent
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: a subclass inherits this method and means its own prototype chain
    if (this !== TarantellaError) return Function.prototype[Symbol.hasInstance].call(this, value)
    return typeof value === 'object' && value !== null && BRAND in value
  }
}

/** The connection could not be made, or ended. */
export class ConnectionError extends TarantellaError<ConnectorErrorCode> {}

/** A time limit of the caller passed: `CONNECT_TIMEOUT` or `REQUEST_TIMEOUT`. */
export class TimeoutError extends TarantellaError<ConnectorErrorCode> {}

/** The peer broke the protocol; the connection is dropped. */
export class ProtocolError extends TarantellaError<ConnectorErrorCode> {}

/** One frame of a server error's stack, the innermost cause last (server >= 2.4.1). */
export interface ErrorFrame {
  readonly type: string
  readonly file: string
  readonly line: number
  readonly message: string
  readonly errno: number
  readonly number: number
  readonly fields: Readonly<Record<string, unknown>>
}

/**
 * The server answered with an error. The connector itself makes one where it knows what the server would
 * say, for a space or an index that its schema cache cannot find; then `sent` is false.
 */
export class ServerError extends TarantellaError<ServerErrorCode> {
  /** The server's number for the error, 3 for `ER_TUPLE_FOUND`. */
  readonly number: number
  /** The error stack; one frame made from the text where the server sends no stack (< 2.4.1). */
  readonly frames: readonly ErrorFrame[]

  constructor(
    code: ServerErrorCode,
    number: number,
    message: string,
    frames: readonly ErrorFrame[],
    retryable: boolean,
    sent = true,
  ) {
    super(code, message, { retryable, sent })
    this.number = number
    this.frames = frames
  }
}

/**
 * A wrong argument. It is a `TypeError`, so that tools treat it as the caller's mistake,
 * and carries the same facts as every Tarantella error.
 */
export class UsageError extends TypeError {
  readonly code: ConnectorErrorCode
  readonly retryable = false
  readonly sent = false
  readonly '@@tarantella.error' = true

  constructor(code: ConnectorErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'UsageError'
    this.code = code
  }
}

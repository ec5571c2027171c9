import { ConnectionError, ProtocolError, type ServerError, TarantellaError, TimeoutError } from '../errors.ts'
import { type Address, formatAddress } from '../util/address.ts'

/** What a connection was waiting for when it failed to open. */
export type Step = 'dialing' | 'securing' | 'greeting' | 'handshake'

const WAITING_FOR: Readonly<Record<Step, string>> = {
  dialing: 'the connection',
  securing: 'the TLS handshake',
  greeting: "the server's greeting",
  handshake: 'the answer to the handshake',
}

export function connectTimeout(where: string, step: Step, timeoutMs: number): TimeoutError {
  // A server with TLS says nothing until it is greeted by TLS.
  const hint = step === 'greeting' ? ', which comes at once unless the port expects TLS' : ''
  const message = `No session with ${where} within ${timeoutMs} ms: still waiting for ${WAITING_FOR[step]}${hint}`
  return new TimeoutError('CONNECT_TIMEOUT', message, { retryable: true, sent: false })
}

const ADVICE: Readonly<Record<Step, string>> = {
  dialing: '; check that the server is running and listens there',
  securing: '; check the options of `tls`, and that the server has TLS on this port',
  greeting: '',
  handshake: '',
}

/** The socket ended before there was a session. */
export function connectFailed(
  where: string,
  step: Step,
  cause: Error | undefined,
  farewell: ServerError | undefined,
): ConnectionError {
  const reason = farewell?.message ?? (cause === undefined ? 'the peer closed the connection' : messageOf(cause))
  const message = `Cannot connect to ${where} while waiting for ${WAITING_FOR[step]}: ${reason}${ADVICE[step]}`
  return new ConnectionError('CONNECT_FAILED', message, { retryable: true, sent: false, cause: farewell ?? cause })
}

/** Errors of this package name their step already; anything else is wrapped. */
export function asConnectError(error: unknown, where: string): TarantellaError {
  if (error instanceof ProtocolError) {
    const message = `The peer at ${where} does not speak IPROTO: ${error.message}`
    return new ConnectionError('NOT_TARANTOOL', message, { retryable: false, sent: false, cause: error })
  }
  if (isOurs(error)) return error
  return new ConnectionError('CONNECT_FAILED', `Cannot connect to ${where}: ${messageOf(error)}`, {
    retryable: true,
    sent: false,
    cause: error,
  })
}

/** An open connection has ended by itself. */
export function connectionLost(
  where: string,
  cause: Error | undefined,
  farewell: ServerError | undefined,
): ConnectionError {
  const reason = farewell?.message ?? (cause === undefined ? 'the peer closed it' : messageOf(cause))
  const message = `The connection to ${where} was lost: ${reason}`
  return new ConnectionError('CONNECTION_LOST', message, { retryable: true, sent: false, cause: farewell ?? cause })
}

/** The peer sent what it must not; the connection is dropped. */
export function protocolBroken(where: string, cause: unknown): ConnectionError {
  const message = `The connection to ${where} was dropped, for the peer broke the protocol: ${messageOf(cause)}`
  return new ConnectionError('CONNECTION_LOST', message, { retryable: true, sent: false, cause })
}

/** The server has said that it stops. */
export function serverStops(address: Address): ConnectionError {
  const message = `The server at ${formatAddress(address)} shuts down, and the connection is being left`
  return new ConnectionError('CONNECTION_LOST', message, { retryable: true, sent: false })
}

export function silent(where: string, silentMs: number): ConnectionError {
  const message = `The connection to ${where} was dropped: no answer to a ping within ${silentMs} ms`
  return new ConnectionError('CONNECTION_LOST', message, { retryable: true, sent: false })
}

/** The same loss, told to a request that had left. */
export function lostInFlight(loss: TarantellaError): ConnectionError {
  const code = loss.code === 'CONNECTION_CLOSED' ? 'CONNECTION_CLOSED' : 'CONNECTION_LOST'
  const message = `${loss.message}; the request was sent and may have been executed`
  return new ConnectionError(code, message, { retryable: false, sent: true, cause: loss.cause ?? loss })
}

/** One reply that cannot be decoded. */
export function undecodable(cause: unknown): ProtocolError {
  const message = `The reply cannot be decoded: ${messageOf(cause)}`
  return new ProtocolError('DECODE_FAILED', message, { retryable: false, sent: true, cause })
}

export function closedError(): ConnectionError {
  return new ConnectionError('CONNECTION_CLOSED', 'The client is closed', { retryable: false, sent: false })
}

/** The brand's check says no more than that it is one of them, with any code. */
function isOurs(error: unknown): error is TarantellaError {
  return error instanceof TarantellaError
}

function messageOf(error: unknown): string {
  // Dialing several addresses of one name fails with an AggregateError, which has no text of its own.
  if (error instanceof AggregateError) return error.errors.map(messageOf).join(', ')
  return error instanceof Error ? error.message : String(error)
}

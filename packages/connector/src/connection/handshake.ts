import { ConnectionError, ServerError } from '../errors.ts'
import type { AuthMethod, Demands } from '../options.ts'
import { ErrorNumber } from '../protocol/error-codes.ts'
import { assertMeets, featuresOf, type ServerInfo } from '../protocol/features.ts'
import type { Greeting } from '../protocol/greeting.ts'
import type { Request } from '../protocol/request.ts'
import { AuthRequest } from '../protocol/requests/auth.ts'
import { type Identity, IdRequest, NO_IDENTITY } from '../protocol/requests/id.ts'

export interface Credentials {
  readonly user: string
  readonly password: string
  /** How to prove the password; 'auto': as the server asks. */
  readonly auth: AuthMethod | 'auto'
  /** Whether nobody between can read it. */
  readonly isEncrypted: boolean
}

/** What a session begins with. */
export interface Introduction {
  /** Undefined: the guest's session. */
  readonly credentials: Credentials | undefined
  readonly tupleFormats: boolean
  readonly require: Demands
}

const PAP_ADVICE = 'it asks for pap-sha256, which sends the password itself: connect over TLS, see the option `tls`'

const REFUSALS: ReadonlySet<number> = new Set([
  ErrorNumber.CREDS_MISMATCH,
  ErrorNumber.NO_SUCH_USER,
  ErrorNumber.ACCESS_DENIED,
  ErrorNumber.UNKNOWN_AUTH_METHOD,
  ErrorNumber.INVALID_AUTH_DATA,
  ErrorNumber.INVALID_AUTH_REQUEST,
  ErrorNumber.PASSWORD_EXPIRED,
])

/**
 * From the greeting to a session that takes requests: ID and AUTH go out together, for ID is allowed before
 * AUTH, so a session costs one round trip. Over TLS, where the server may choose how the password is proved, AUTH
 * waits for its choice, unless the user has made it. Without credentials the session is the guest's.
 */
export async function shakeHands(
  greeting: Greeting,
  { credentials, tupleFormats, require }: Introduction,
  request: (request: Request) => Promise<unknown>,
): Promise<ServerInfo> {
  const identifying = identify(tupleFormats, request)
  const authenticating =
    credentials === undefined ? undefined : authenticate(greeting, credentials, identifying, request)
  const [{ protocol, features }] = await Promise.all([identifying, authenticating])
  const { version, uuid } = greeting
  const server = { version, uuid, protocol, features: featuresOf(version, features) }
  assertMeets(server, require)
  return server
}

async function identify(tupleFormats: boolean, request: (request: Request) => Promise<unknown>): Promise<Identity> {
  try {
    // An IdRequest's reply is an Identity.
    return (await request(new IdRequest(tupleFormats))) as Identity
  } catch (error) {
    if (!(error instanceof ServerError)) throw error
    if (isBooting(error)) throw notReady(error)
    // Before 2.10 the server does not know the request; 2.6 answers "Unknown request type 73".
    return NO_IDENTITY
  }
}

async function authenticate(
  greeting: Greeting,
  credentials: Credentials,
  identifying: Promise<Identity>,
  request: (request: Request) => Promise<unknown>,
): Promise<void> {
  const { user, password, auth, isEncrypted } = credentials
  // Who could listen, or speak in the server's place, must not get the password for the asking.
  const method = auth !== 'auto' ? auth : isEncrypted ? methodOf(await identifying) : 'chap-sha1'
  try {
    await request(new AuthRequest(user, method, password, greeting.salt))
  } catch (cause) {
    if (!(cause instanceof ServerError)) throw cause
    if (!REFUSALS.has(cause.number)) throw notReady(cause)
    // ID is answered before AUTH; who does otherwise is not waited for.
    const { authType } = await Promise.race([identifying, Promise.resolve(NO_IDENTITY)])
    const asksForPassword = authType === 'pap-sha256' && method !== 'pap-sha256'
    throw refused(user, asksForPassword ? PAP_ADVICE : 'check user and password', cause)
  }
}

/** Nothing but `pap-sha256` lets a server have the password itself; any other choice is met with `chap-sha1`. */
function methodOf({ authType }: Identity): AuthMethod {
  return authType === 'pap-sha256' ? authType : 'chap-sha1'
}

function refused(user: string, advice: string, cause: ServerError): ConnectionError {
  const message = `The server refused user "${user}": ${cause.message}; ${advice}`
  return new ConnectionError('AUTH_FAILED', message, { retryable: false, sent: false, cause })
}

/** Error 116 while the server reads its snapshot, or 36 while its system spaces are not there yet. */
function isBooting({ number }: ServerError): boolean {
  return number === ErrorNumber.LOADING || number === ErrorNumber.NO_SUCH_SPACE
}

function notReady(cause: ServerError): ConnectionError {
  return new ConnectionError('CONNECT_FAILED', `The server does not accept sessions yet: ${cause.message}`, {
    retryable: true,
    sent: false,
    cause,
  })
}

import { ConnectionError, ServerError } from '../errors.ts'
import { ErrorNumber } from '../protocol/error-codes.ts'
import { featuresOf, type ServerInfo } from '../protocol/features.ts'
import type { Greeting } from '../protocol/greeting.ts'
import type { Request } from '../protocol/request.ts'
import { AuthRequest } from '../protocol/requests/auth.ts'
import { type Identity, IdRequest, NO_IDENTITY } from '../protocol/requests/id.ts'

export interface Credentials {
  readonly user: string
  readonly password: string
}

const REFUSALS: ReadonlySet<number> = new Set([
  ErrorNumber.CREDS_MISMATCH,
  ErrorNumber.NO_SUCH_USER,
  ErrorNumber.ACCESS_DENIED,
])

/**
 * From the greeting to a session that takes requests: ID and AUTH go out together, for ID is allowed before
 * AUTH, so a session costs one round trip. Without credentials the session is the guest's.
 */
export async function shakeHands(
  greeting: Greeting,
  credentials: Credentials | undefined,
  request: (request: Request) => Promise<unknown>,
): Promise<ServerInfo> {
  const identifying = identify(request)
  const authenticating = credentials === undefined ? undefined : authenticate(greeting, credentials, request)
  const [identity] = await Promise.all([identifying, authenticating])
  const { version, uuid } = greeting
  return { version, uuid, ...identity, features: featuresOf(version, identity.features) }
}

async function identify(request: (request: Request) => Promise<unknown>): Promise<Identity> {
  try {
    // An IdRequest's reply is an Identity.
    return (await request(new IdRequest())) as Identity
  } catch (error) {
    if (!(error instanceof ServerError)) throw error
    if (error.number === ErrorNumber.LOADING) throw notReady(error)
    // Before 2.10 the server does not know the request; 2.6 answers "Unknown request type 73".
    return NO_IDENTITY
  }
}

async function authenticate(
  greeting: Greeting,
  { user, password }: Credentials,
  request: (request: Request) => Promise<unknown>,
): Promise<void> {
  try {
    await request(new AuthRequest(user, password, greeting.salt))
  } catch (cause) {
    if (!(cause instanceof ServerError)) throw cause
    throw REFUSALS.has(cause.number) ? refused(user, cause) : notReady(cause)
  }
}

function refused(user: string, cause: ServerError): ConnectionError {
  return new ConnectionError(
    'AUTH_FAILED',
    `The server refused user "${user}": ${cause.message}; check user and password`,
    {
      retryable: false,
      sent: false,
      cause,
    },
  )
}

/** Such as error 116 while the server reads its snapshot. */
function notReady(cause: ServerError): ConnectionError {
  return new ConnectionError('CONNECT_FAILED', `The server does not accept sessions yet: ${cause.message}`, {
    retryable: true,
    sent: false,
    cause,
  })
}

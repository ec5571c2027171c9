import { ConnectionError } from '../errors.ts'

/*
 * Greeting = line1 line2, 64 bytes each, the last one of each a line feed
 *   line1 = "Tarantool " version " (" protocol ") " instance-uuid, padded with spaces
 *   line2 = base64 of the salt (44 characters, 32 bytes), padded with spaces
 */

export const GREETING_SIZE = 128
const LINE_SIZE = 64
const SALT_TEXT_SIZE = 44
/** Of the 32 bytes that are sent, authentication uses the first 20. */
const SALT_SIZE = 20
const MAGIC = 'Tarantool '

export interface Greeting {
  /** Such as `2.6.0`, or `3.8.0-entrypoint-12-g0123456789`. */
  readonly version: string
  readonly uuid: string
  readonly salt: Buffer
}

/** Says after the first bytes already whether they can become a greeting, so that a silent stranger is found out early. */
export function assertGreetingBegins(bytes: Buffer): void {
  const size = Math.min(bytes.length, MAGIC.length)
  if (bytes.toString('latin1', 0, size) !== MAGIC.slice(0, size)) throw notTarantool(bytes)
}

/** Parses the 128 bytes that every Tarantool server begins with. */
export function parseGreeting(bytes: Buffer): Greeting {
  assertGreetingBegins(bytes)
  const line = bytes.toString('latin1', 0, LINE_SIZE)
  const match = /^Tarantool (\S+) \((\w[\w ]*)\)(?: (\S+))?/.exec(line)
  if (match === null) throw notTarantool(bytes)
  const [, version = '', protocol = '', uuid = ''] = match
  if (protocol !== 'Binary') throw notBinary(protocol)
  const salt = Buffer.from(bytes.toString('latin1', LINE_SIZE, LINE_SIZE + SALT_TEXT_SIZE), 'base64')
  if (salt.length < SALT_SIZE) throw notTarantool(bytes)
  return { version, uuid, salt: salt.subarray(0, SALT_SIZE) }
}

function notBinary(protocol: string): ConnectionError {
  return new ConnectionError(
    'NOT_TARANTOOL',
    `This port is Tarantool's "${protocol}" console; connect to the port of box.cfg.listen instead`,
    { retryable: false, sent: false },
  )
}

function notTarantool(bytes: Buffer): ConnectionError {
  const begin = JSON.stringify(bytes.toString('latin1', 0, 32))
  return new ConnectionError(
    'NOT_TARANTOOL',
    `The peer is not a Tarantool server: expected its greeting, got ${begin}; check host and port`,
    { retryable: false, sent: false },
  )
}

import { UsageError } from '../errors.ts'

export const DEFAULT_PORT = 3301

/** Where a server listens. */
export type Address = { readonly host: string; readonly port: number } | { readonly path: string }

export interface ParsedUri {
  readonly address: Address
  /** The scheme was `tarantool+tls`. */
  readonly isTls: boolean
  readonly user: string | undefined
  readonly password: string | undefined
}

/**
 * Understands `tarantool://user:password@host:port`, with everything but the host optional, without the
 * scheme as well; `[::1]:3301` for IPv6; `unix:/path`, `unix/:/path` and `tarantool://user:password@/path`
 * for Unix sockets; `tarantool+tls://` for any of them over TLS. User and password are percent-decoded.
 */
export function parseUri(uri: string): ParsedUri {
  const scheme = /^([a-z][a-z\d+.-]*):\/\//i.exec(uri)
  const name = scheme?.[1]?.toLowerCase()
  if (name !== undefined && name !== 'tarantool' && name !== 'tarantool+tls') {
    throw invalid(`expected the scheme tarantool:// or tarantool+tls://, got ${scheme?.[0] ?? name}`)
  }
  const rest = scheme === null ? uri : uri.slice(scheme[0].length)
  const at = credentialsEnd(rest)
  const credentials = at < 0 ? undefined : rest.slice(0, at)
  return {
    address: parseAddress(rest.slice(at + 1)),
    isTls: name === 'tarantool+tls',
    ...parseCredentials(credentials),
  }
}

/** For messages: what a user would write to connect there, without user and password. */
export function formatAddress(address: Address): string {
  if ('path' in address) return address.path
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`
}

/** A password may hold an unescaped `@`, so the last one counts; but not one inside the path of a socket. */
function credentialsEnd(rest: string): number {
  if (/^(unix\/?:)?\//.test(rest)) return -1
  const beforePath = rest.search(/@(unix\/?:)?\//)
  return beforePath >= 0 ? beforePath : rest.lastIndexOf('@')
}

function parseCredentials(text: string | undefined): Pick<ParsedUri, 'user' | 'password'> {
  if (text === undefined) return { user: undefined, password: undefined }
  const colon = text.indexOf(':')
  const user = percentDecode(colon < 0 ? text : text.slice(0, colon))
  if (user === '') throw invalid('the user before `@` is empty')
  return { user, password: colon < 0 ? undefined : percentDecode(text.slice(colon + 1)) }
}

function percentDecode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    // The error's own text would hold the password.
    throw invalid('user and password must be percent-encoded: write % as %25')
  }
}

function parseAddress(text: string): Address {
  const path = /^(?:unix\/?:)?(\/.+)$/.exec(text)?.[1]
  if (path !== undefined) return { path }
  if (/^\d+$/.test(text)) return { host: '127.0.0.1', port: parsePort(text) }
  const match = /^(?:\[([\da-f:.%a-z]+)\]|([^\s:/?#[\]@]+))(?::(\d+))?\/?$/i.exec(text)
  if (match === null) throw invalid('expected host:port, [ipv6]:port or a path')
  const [, ipv6, name, port] = match
  return { host: ipv6 ?? name ?? '', port: port === undefined ? DEFAULT_PORT : parsePort(port) }
}

function parsePort(text: string): number {
  const port = Number(text)
  if (port < 1 || port > 65_535) throw invalid(`the port must be from 1 to 65535, got ${text}`)
  return port
}

/** Never shows the URI itself, for it may hold a password. */
function invalid(what: string): UsageError {
  return new UsageError('INVALID_URI', `Expected a URI like tarantool://user:password@host:3301: ${what}`)
}

import type { Duplex } from 'node:stream'
import { inspect } from 'node:util'
import { UsageError } from './errors.ts'
import { type Extension, ExtensionTable } from './msgpack/ext/extension.ts'
import type { Int64Form } from './msgpack/reader.ts'
import { type Address, DEFAULT_PORT, parseUri } from './util/address.ts'
import type { BackoffPolicy } from './util/backoff.ts'
import { resolveTls, type TlsOptions } from './util/tls-options.ts'

/** How to reach a server, and what the client may cost. Durations are milliseconds. */
export interface ConnectOptions {
  /**
   * `tarantool://user:password@host:port`, `host:port`, `[::1]:3301`, `unix:/path` or
   * `tarantool://user:password@/path`; user and password percent-encoded; the scheme `tarantool+tls` for TLS.
   * Excludes `host`, `port` and `path`.
   */
  readonly uri?: string | undefined
  /** @default '127.0.0.1' */
  readonly host?: string | undefined
  /** @default 3301 */
  readonly port?: number | undefined
  /** Of a Unix socket; excludes `host` and `port`. */
  readonly path?: string | undefined
  /**
   * Opens the way to the server: a descriptor that stands already (`() => new Socket({ fd })`), a tunnel, a proxy. It
   * is asked anew for every connection, so use `reconnect: false` where it can be opened once. The address is then a
   * name, for errors and for TLS. @default TCP or a Unix socket, by the address
   */
  readonly socket?: (() => Duplex | Promise<Duplex>) | undefined
  /** @default the user of `uri`, else the server's guest */
  readonly user?: string | undefined
  /** An empty password is one too. A function is asked anew at every connect. @default that of `uri`, else '' */
  readonly password?: string | (() => string | Promise<string>) | undefined
  /**
   * How the password is proved: 'auto' is what the server asks for. 'pap-sha256' sends the password itself, so it
   * is used over TLS alone, whoever asks for it. @default 'auto'
   */
  readonly auth?: AuthMethod | 'auto' | undefined
  /** True for TLS as Node does it by default, or its options. @default true for `tarantool+tls://`, else false */
  readonly tls?: boolean | TlsOptions | undefined
  /** What the server must be able to do; without it a session is refused with `UNSUPPORTED`. @default nothing */
  readonly require?: Demands | undefined
  /** From the first packet until the session is established. @default 5000 */
  readonly connectTimeoutMs?: number | undefined
  /** From the call until the reply, waiting for a connection included; Infinity for none. @default 30000 */
  readonly requestTimeoutMs?: number | undefined
  /** More requests at a time reject with `OVERLOADED`. @default 16384 */
  readonly maxInFlight?: number | undefined
  /** Largest request and largest reply, in bytes. @default 268435456 (256 MiB) */
  readonly maxFrameBytes?: number | undefined
  /** While so many bytes wait for a slow socket, further requests reject with `OVERLOADED`. @default 67108864 (64 MiB) */
  readonly maxBufferedBytes?: number | undefined
  /** Requests made while the connection is down wait for it, up to `max`; false rejects them at once. @default { max: 10000 } */
  readonly offlineQueue?: { readonly max?: number | undefined } | false | undefined
  /** After the first connect has succeeded, how to come back from a loss; false closes the client instead. */
  readonly reconnect?: ReconnectOptions | false | undefined
  /** A connection silent for so long is pinged, and dropped if it stays silent as long again; Infinity for never. @default 30000 */
  readonly pingIntervalMs?: number | undefined
  /**
   * Opens a second connection for requests with `lane: 'bulk'`, so that their large replies do not hold up the others.
   * @default false
   */
  readonly bulkLane?: boolean | undefined
  /** Your own MessagePack extension types, made by `defineExtension`. @default none */
  readonly extensions?: readonly Extension[] | undefined
  /**
   * What 64-bit integers of the server become. A decimal text or a rounded number is not what the server has stored, so
   * do not send it back as a key.
   * - 'safe': number within ±(2^53 - 1), else bigint
   * - 'bigint': bigint for all that need 64 bits, which are those below -2^31 and above 2^32 - 1, else number
   * - 'number': always number, rounded beyond 2^53
   * - 'string': number within ±(2^53 - 1), else its decimal text
   * @default 'safe'
   */
  readonly int64?: Int64Form | undefined
  /**
   * Lets a server of 3.0 or later send the formats of tuples along with them: rows as objects need no look-up then,
   * also those that a call returns. It costs about 30 bytes per field of a format in every reply with tuples.
   * @default false
   */
  readonly tupleFormats?: boolean | undefined
}

/** `chap-sha1` never sends the password; `pap-sha256` does, for servers that store it in their own way. */
export type AuthMethod = 'chap-sha1' | 'pap-sha256'

export interface Demands {
  /** The least version of the protocol; 1 came with Tarantool 2.10. */
  readonly protocol?: number | undefined
  /** Names as in `client.server.features`. */
  readonly features?: readonly string[] | undefined
}

export interface ReconnectOptions {
  /** Before the first try, in milliseconds; each further one waits twice as long, half of it at random. @default 50 */
  readonly minDelayMs?: number | undefined
  /** @default 5000 */
  readonly maxDelayMs?: number | undefined
  /** Tries in a row before the client closes. @default Infinity */
  readonly attempts?: number | undefined
}

export interface ResolvedOptions {
  readonly address: Address
  /** Undefined: a socket of the connector's own. */
  readonly socket: (() => Duplex | Promise<Duplex>) | undefined
  /** Undefined: the guest's session. */
  readonly user: string | undefined
  readonly password: () => string | Promise<string>
  readonly auth: AuthMethod | 'auto'
  /** Undefined: no encryption. */
  readonly tls: TlsOptions | undefined
  readonly require: Demands
  readonly connectTimeoutMs: number
  readonly requestTimeoutMs: number
  readonly maxInFlight: number
  readonly maxFrameBytes: number
  readonly maxBufferedBytes: number
  /** 0: none may wait. */
  readonly offlineQueueMax: number
  readonly reconnect: BackoffPolicy | undefined
  readonly pingIntervalMs: number
  readonly bulkLane: boolean
  readonly extensions: ExtensionTable
  readonly int64: Int64Form
  readonly tupleFormats: boolean
}

const DEFAULTS = {
  host: '127.0.0.1',
  port: DEFAULT_PORT,
  connectTimeoutMs: 5_000,
  requestTimeoutMs: 30_000,
  maxInFlight: 16_384,
  maxFrameBytes: 256 * 1024 * 1024,
  maxBufferedBytes: 64 * 1024 * 1024,
  offlineQueueMax: 10_000,
  minDelayMs: 50,
  maxDelayMs: 5_000,
  attempts: Number.POSITIVE_INFINITY,
  pingIntervalMs: 30_000,
} as const

/** Checks the options once and fills in what is missing. Throws a `UsageError`. */
export function resolveOptions(given: string | ConnectOptions, more: ConnectOptions = {}): ResolvedOptions {
  const options: ConnectOptions = typeof given === 'string' ? { ...more, uri: given } : { ...given, ...more }
  const { address, isTls, user, password } = resolveAddress(options)
  const tls = resolveTls(options.tls ?? isTls)
  return Object.freeze({
    address,
    socket: resolveSocket(options.socket),
    user: resolveUser(options.user ?? user, options.password),
    password: resolvePassword(options.password ?? password),
    auth: resolveAuth(options.auth ?? 'auto', tls),
    tls,
    require: resolveDemands(options.require),
    connectTimeoutMs: duration('connectTimeoutMs', options.connectTimeoutMs ?? DEFAULTS.connectTimeoutMs),
    requestTimeoutMs: duration('requestTimeoutMs', options.requestTimeoutMs ?? DEFAULTS.requestTimeoutMs),
    maxInFlight: integer('maxInFlight', options.maxInFlight ?? DEFAULTS.maxInFlight, 1),
    maxFrameBytes: integer('maxFrameBytes', options.maxFrameBytes ?? DEFAULTS.maxFrameBytes, 1024),
    maxBufferedBytes: integer('maxBufferedBytes', options.maxBufferedBytes ?? DEFAULTS.maxBufferedBytes, 1024),
    offlineQueueMax: resolveOfflineQueue(options.offlineQueue),
    reconnect: resolveReconnect(options.reconnect),
    pingIntervalMs: duration('pingIntervalMs', options.pingIntervalMs ?? DEFAULTS.pingIntervalMs),
    bulkLane: boolean('bulkLane', options.bulkLane ?? false),
    extensions: new ExtensionTable(resolveExtensions(options.extensions)),
    int64: resolveInt64(options.int64 ?? 'safe'),
    tupleFormats: boolean('tupleFormats', options.tupleFormats ?? false),
  })
}

interface Whereabouts {
  readonly address: Address
  readonly isTls?: boolean
  readonly user?: string | undefined
  readonly password?: string | undefined
}

function resolveAddress({ uri, host, port, path }: ConnectOptions): Whereabouts {
  if (uri !== undefined) {
    if (host !== undefined || port !== undefined || path !== undefined) {
      throw invalid('Expected `uri` alone, or `host` and `port`, or `path`; got several of them')
    }
    if (typeof uri !== 'string') throw invalid(`Expected \`uri\` to be a string, got \`${typeof uri}\``)
    return parseUri(uri)
  }
  if (path === undefined) {
    const number = integer('port', port ?? DEFAULTS.port, 1, 65_535)
    return { address: { host: text('host', host ?? DEFAULTS.host), port: number } }
  }
  if (host !== undefined || port !== undefined) throw invalid('Expected `path` without `host` and `port`')
  return { address: { path: text('path', path) } }
}

function resolveSocket(socket: ConnectOptions['socket']): ConnectOptions['socket'] {
  if (socket === undefined || typeof socket === 'function') return socket
  throw invalid(`Expected \`socket\` to be a function, got ${show(socket)}`)
}

function resolveUser(user: string | undefined, password: unknown): string | undefined {
  if (user !== undefined) return text('user', user)
  if (password !== undefined) throw invalid('Expected `user` beside `password`')
  return undefined
}

function resolvePassword(password: unknown): () => string | Promise<string> {
  if (password === undefined) return () => ''
  if (typeof password === 'string') return () => password
  // What it returns is checked when it is asked.
  if (typeof password === 'function') return password as () => string | Promise<string>
  throw invalid('Expected `password` to be a string or a function')
}

const AUTHS: ReadonlySet<string> = new Set(['auto', 'chap-sha1', 'pap-sha256'])

function resolveAuth(auth: AuthMethod | 'auto', tls: TlsOptions | undefined): AuthMethod | 'auto' {
  if (!AUTHS.has(auth)) {
    throw invalid(`Expected \`auth\` to be auto, chap-sha1 or pap-sha256, got ${show(auth)}`)
  }
  if (auth === 'pap-sha256' && tls === undefined) {
    throw invalid('Expected `tls` beside `auth: pap-sha256`, which would send the password readable')
  }
  return auth
}

function resolveDemands({ protocol = 0, features = [] }: Demands = {}): Demands {
  const given: unknown = features
  if (!Array.isArray(given)) throw invalid(`Expected \`require.features\` to be an array, got ${show(given)}`)
  const names = Object.freeze([...features])
  return Object.freeze({ protocol: integer('require.protocol', protocol, 0), features: names })
}

function resolveOfflineQueue(queue: ConnectOptions['offlineQueue']): number {
  if (queue === false) return 0
  return integer('offlineQueue.max', queue?.max ?? DEFAULTS.offlineQueueMax, 1)
}

function resolveReconnect(reconnect: ConnectOptions['reconnect']): BackoffPolicy | undefined {
  if (reconnect === false) return undefined
  const attempts = reconnect?.attempts ?? DEFAULTS.attempts
  const minDelayMs = duration('reconnect.minDelayMs', reconnect?.minDelayMs ?? DEFAULTS.minDelayMs)
  const maxDelayMs = duration('reconnect.maxDelayMs', reconnect?.maxDelayMs ?? DEFAULTS.maxDelayMs)
  if (maxDelayMs === Number.POSITIVE_INFINITY) throw invalid('Expected `reconnect.maxDelayMs` to be finite')
  return {
    minDelayMs,
    maxDelayMs: Math.max(minDelayMs, maxDelayMs),
    attempts: attempts === Number.POSITIVE_INFINITY ? attempts : integer('reconnect.attempts', attempts, 1),
  }
}

/** A positive number of milliseconds, or Infinity for none. */
export function duration(name: string, value: number): number {
  if (typeof value === 'number' && value > 0) return value
  throw invalid(`Expected \`${name}\` to be a number of milliseconds > 0, got ${show(value)}`)
}

function integer(name: string, value: number, least: number, most = Number.MAX_SAFE_INTEGER): number {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value
  const range = most === Number.MAX_SAFE_INTEGER ? `an integer >= ${least}` : `an integer from ${least} to ${most}`
  throw invalid(`Expected \`${name}\` to be ${range}, got ${show(value)}`)
}

function boolean(name: string, value: boolean): boolean {
  if (typeof value === 'boolean') return value
  throw invalid(`Expected \`${name}\` to be true or false, got ${show(value)}`)
}

function resolveExtensions(extensions: readonly Extension[] = []): readonly Extension[] {
  // Array.isArray would make it an array of any.
  const isArray: boolean = Array.isArray(extensions)
  if (isArray) return extensions
  throw invalid(`Expected \`extensions\` to be an array, got ${show(extensions)}`)
}

const INT64_FORMS: ReadonlySet<string> = new Set<Int64Form>(['safe', 'bigint', 'number', 'string'])

function resolveInt64(form: Int64Form): Int64Form {
  if (INT64_FORMS.has(form)) return form
  throw invalid(`Expected \`int64\` to be safe, bigint, number or string, got ${show(form)}`)
}

function text(name: string, value: string): string {
  if (typeof value === 'string' && value !== '') return value
  throw invalid(`Expected \`${name}\` to be a string that is not empty, got ${show(value)}`)
}

/** A wrong value for an error's text; an object or a function by its type alone. */
export function show(value: unknown): string {
  if (typeof value === 'function' || (typeof value === 'object' && value !== null)) return typeof value
  return `\`${inspect(value)}\` (${typeof value})`
}

function invalid(message: string): UsageError {
  return new UsageError('INVALID_ARGUMENT', message)
}

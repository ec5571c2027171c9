import { type ConnectorErrorCode, TarantellaError, UsageError } from '../errors.ts'
import type { Demands } from '../options.ts'

/**
 * What a server may be able to do beside the basic requests, with the number that IPROTO_ID has for it
 * and the first version of the server that has it. What has no number is known by the version alone.
 */
const FEATURES = {
  streams: { id: 0, since: '2.10' },
  transactions: { id: 1, since: '2.10' },
  'error-extension': { id: 2, since: '2.10' },
  watchers: { id: 3, since: '2.10' },
  pagination: { id: 4, since: '2.11' },
  'space-and-index-names': { id: 5, since: '3.0' },
  'watch-once': { id: 6, since: '3.0' },
  'dml-tuple-extension': { id: 7, since: '3.0' },
  'call-ret-tuple-extension': { id: 8, since: '3.0' },
  'call-arg-tuple-extension': { id: 9, since: '3.0' },
  'sql-extension-types': { id: undefined, since: '2.10' },
  'prefix-iterators': { id: undefined, since: '3.2' },
  'is-sync': { id: 11, since: '3.2' },
  'insert-arrow': { id: 12, since: '3.3' },
} as const

export type Feature = keyof typeof FEATURES

/** What the client tells the server: its protocol version and the features that it speaks itself. */
export const CLIENT_PROTOCOL = 10

/** Only what the client makes use of: a server may send differently to a client that announces more. */
const SPOKEN: readonly number[] = [
  FEATURES.streams.id,
  FEATURES.transactions.id,
  FEATURES['error-extension'].id,
  FEATURES.watchers.id,
  FEATURES.pagination.id,
  FEATURES['space-and-index-names'].id,
  FEATURES['watch-once'].id,
  FEATURES['call-arg-tuple-extension'].id,
  FEATURES['is-sync'].id,
  FEATURES['insert-arrow'].id,
]
/** These make every tuple of a reply longer, so they are declared on demand. */
const WITH_FORMATS: readonly number[] = [
  ...SPOKEN,
  FEATURES['dml-tuple-extension'].id,
  FEATURES['call-ret-tuple-extension'].id,
]

/** The features that the client declares. */
export function clientFeatures(tupleFormats: boolean): readonly number[] {
  return tupleFormats ? WITH_FORMATS : SPOKEN
}

/** The server of a session, as it introduced itself. */
export interface ServerInfo {
  /** Such as `2.6.0`. */
  readonly version: string
  /** The UUID of the instance, from its greeting. */
  readonly uuid: string
  /** Version of the protocol; 0 if the server is older than 2.10 and has no IPROTO_ID. */
  readonly protocol: number
  readonly features: ReadonlySet<Feature>
}

/** Names of the features that the server announced; numbers without a name here are left out. */
export function featuresFrom(ids: unknown): ReadonlySet<Feature> {
  const announced = new Set<unknown>(Array.isArray(ids) ? ids : [])
  const known: Feature[] = []
  // The keys of FEATURES are its literal's, which Object.keys cannot say.
  for (const name of Object.keys(FEATURES) as Feature[]) {
    const { id } = FEATURES[name]
    if (id !== undefined && announced.has(id)) known.push(name)
  }
  return new Set(known)
}

/** What a server of this version can do: what it announced, and what no server announces. */
export function featuresOf(version: string, announced: ReadonlySet<Feature>): ReadonlySet<Feature> {
  const features = new Set(announced)
  // The keys of FEATURES are its literal's, which Object.keys cannot say.
  for (const name of Object.keys(FEATURES) as Feature[]) {
    const { id, since } = FEATURES[name]
    if (id === undefined && isAtLeast(version, since)) features.add(name)
  }
  return features
}

/** Refuses what needs a feature that the server lacks. */
export function assertFeature(feature: Feature, server: ServerInfo): void {
  if (server.features.has(feature)) return
  throw unsupported(feature, server)
}

export function unsupported(feature: Feature, { version }: ServerInfo): TarantellaError<ConnectorErrorCode> {
  const message = `The server (${version}) lacks the feature \`${feature}\`, which Tarantool has since ${FEATURES[feature].since}`
  return new TarantellaError('UNSUPPORTED', message, { retryable: false, sent: false })
}

/** Refuses a server that lacks something of what the user demands. Throws a `UsageError` for a feature of no known name. */
export function assertMeets(server: ServerInfo, { protocol = 0, features = [] }: Demands): void {
  for (const name of features) {
    if (!isFeature(name)) {
      const names = Object.keys(FEATURES).join(', ')
      throw new UsageError('INVALID_ARGUMENT', `Expected \`require.features\` to be of ${names}; got \`${name}\``)
    }
    assertFeature(name, server)
  }
  if (server.protocol >= protocol) return
  const message = `The server (${server.version}) speaks version ${server.protocol} of the protocol; ${protocol} is required`
  throw new TarantellaError('UNSUPPORTED', message, { retryable: false, sent: false })
}

function isFeature(name: string): name is Feature {
  return Object.hasOwn(FEATURES, name)
}

/** Compares `major.minor` of a version such as `3.8.0-entrypoint-12`. */
function isAtLeast(version: string, since: string): boolean {
  const [major = 0, minor = 0] = version.split('.', 2).map(Number)
  const [sinceMajor = 0, sinceMinor = 0] = since.split('.', 2).map(Number)
  return major > sinceMajor || (major === sinceMajor && minor >= sinceMinor)
}

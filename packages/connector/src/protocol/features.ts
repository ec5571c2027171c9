/**
 * What a server may be able to do beside the basic requests, with the number that IPROTO_ID has for it
 * and the first version of the server that has it.
 */
const FEATURES = {
  streams: { id: 0, since: '2.10' },
  transactions: { id: 1, since: '2.10' },
  'error-extension': { id: 2, since: '2.10' },
  watchers: { id: 3, since: '2.10' },
  pagination: { id: 4, since: '2.11' },
  'space-and-index-names': { id: 5, since: '3.0' },
  'watch-once': { id: 6, since: '3.0' },
} as const

export type Feature = keyof typeof FEATURES

/** What the client tells the server: its protocol version and the features that it speaks itself. */
export const CLIENT_PROTOCOL = 5
/** Only what the client makes use of: a server may send differently to a client that announces more. */
export const CLIENT_FEATURES: readonly number[] = [FEATURES['space-and-index-names'].id]

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
    if (announced.has(FEATURES[name].id)) known.push(name)
  }
  return new Set(known)
}

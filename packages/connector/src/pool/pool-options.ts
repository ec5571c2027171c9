import { UsageError } from '../errors.ts'
import {
  type ConnectOptions,
  duration,
  type ReconnectOptions,
  type ResolvedOptions,
  resolveOptions,
} from '../options.ts'
import { formatAddress } from '../util/address.ts'
import type { InstanceOptions } from './instance.ts'

/** One server of a pool: its address, and what is to be different for it. */
export interface InstanceTarget extends Omit<ConnectOptions, 'reconnect' | 'offlineQueue'> {
  /** What events and `pool.node()` call it. @default its address, `host:port` or the path */
  readonly name?: string | undefined
}

/** What holds for all instances, and for the pool. Durations are milliseconds. */
export interface PoolOptions
  extends Omit<ConnectOptions, 'uri' | 'host' | 'port' | 'path' | 'reconnect' | 'pingIntervalMs'> {
  /** How an instance that is down is dialed again; `attempts` in a row at most, then it is left out for good. */
  readonly reconnect?: ReconnectOptions | undefined
  /** An instance silent for so long is pinged, and is down if it stays silent as long again. @default 5000 */
  readonly pingIntervalMs?: number | undefined
  /** How often an instance is asked for its role if it cannot tell of changes by itself (before 2.10). @default 1000 */
  readonly rolePollMs?: number | undefined
}

export interface ResolvedPool {
  readonly instances: readonly InstanceOptions[]
  /** The same for instances that come later. Throws a `UsageError`. */
  readonly resolve: (targets: readonly (string | InstanceTarget)[]) => readonly InstanceOptions[]
  /** The pool's own: of what is asked of it as a whole. */
  readonly shared: ResolvedOptions
}

const PING_INTERVAL_MS = 5_000
const ROLE_POLL_MS = 1_000

/** Checks everything once. Throws a `UsageError`. */
export function resolvePool(targets: readonly (string | InstanceTarget)[], options: PoolOptions): ResolvedPool {
  const { rolePollMs = ROLE_POLL_MS, reconnect, offlineQueue, ...common } = options
  const given: unknown = reconnect
  if (given === false) throw invalid('Expected `reconnect` of a pool to be an object')
  const shared = resolveOptions({ ...credentialless(common), reconnect, offlineQueue })
  const redial = shared.reconnect
  if (redial === undefined) throw invalid('Expected `reconnect` of a pool to be an object')
  const pollMs = duration('rolePollMs', rolePollMs)
  const resolve = (list: readonly (string | InstanceTarget)[]): InstanceOptions[] => {
    // Array.isArray would make it an array of any.
    const isList: boolean = Array.isArray(list) && list.length > 0
    if (!isList) throw invalid('Expected at least one instance')
    const instances = list.map((target) => {
      const { name, ...own } = typeof target === 'string' ? { uri: target, name: undefined } : target
      const defaults = { pingIntervalMs: PING_INTERVAL_MS, ...defined(common) }
      const connection = resolveOptions({ ...defaults, ...defined(own), reconnect: false, offlineQueue: false })
      return { name: name ?? formatAddress(connection.address), connection, redial, rolePollMs: pollMs }
    })
    if (new Set(instances.map(({ name }) => name)).size < instances.length)
      throw invalid('Expected each instance of the pool once; give them names of their own')
    return instances
  }
  return { instances: resolve(targets), resolve, shared }
}

/** A password may stand beside users that come with the instances. */
function credentialless(common: ConnectOptions): ConnectOptions {
  const { user, password, ...rest } = common
  return user === undefined ? rest : { ...rest, user, password }
}

/** An explicit undefined means the default, so it must not hide one that comes from elsewhere. */
function defined<T extends object>(options: T): Partial<T> {
  // What is left of T are some of its properties.
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>
}

function invalid(message: string): UsageError {
  return new UsageError('INVALID_ARGUMENT', message)
}

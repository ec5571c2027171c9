import type { Push } from '../campaign/push-service.ts'

export const PLATFORMS = ['ios', 'android'] as const
export type Platform = (typeof PLATFORMS)[number]

/** A number or a text; the base sorts numbers before texts. */
export type UserId = number | string
export type UserRow = readonly [id: UserId, platform: Platform, token: string]

/** All that goes from server to server: the next batch begins behind this user, or with the first one. */
export interface Cursor {
  readonly after: UserId | null
}

/** In a server's own tube `batches`, under the key `mailing:from-id`. */
export interface Batch {
  readonly mailing: string
  readonly name: string
  readonly users: readonly UserRow[]
}

/** In a server's own tubes `ios` and `android`; its `id` is `mailing:user`. */
export interface ClusterPush extends Push {
  readonly batch: string
  /** Which server has made it. */
  readonly server: string
}

/** What a program of the cluster is started with, as JSON. */
export interface NodeConfig {
  readonly self: string
  /** Name → URI, of all. */
  readonly servers: Readonly<Record<string, string>>
  readonly gatewayUrl: string
  /** Users in a batch. */
  readonly batch: number
  /** Pushes a second of each platform: this server's share of what the gateway takes. */
  readonly rate: number
  /** Seconds, see RingOptions. */
  readonly silence: number
  /** Of the batons it gets, the one that it holds for ever, so that it can be killed with it; none if 0. */
  readonly holdAt: number
}

/** Two ids that look alike, `7` and `'7'`, are two users. */
export function keyOf(mailing: string, id: UserId | null): string {
  return `${mailing}:${JSON.stringify(id)}`
}

import type { Pending } from '../connection/pending.ts'
import { newTraffic, type Traffic } from '../connection/traffic.ts'
import type { TarantellaError } from '../errors.ts'
import type { ResolvedOptions } from '../options.ts'
import type { OpenTransport } from '../transport/transport.ts'
import { Link } from './link.ts'

/** Which connection of the client a request takes. */
export type Lane = 'bulk'

/** What both connections of a client count. */
interface Counts {
  readonly inFlight: number
  readonly queued: number
  readonly bytesIn: number
  readonly bytesOut: number
  readonly socketWrites: number
  readonly reconnects: number
  readonly unknownReplies: number
  readonly chunksDropped: number
}

const nothing = (): undefined => undefined
const NOBODY = { connected: nothing, stopping: nothing, disconnected: nothing, closed: nothing, schemaChanged: nothing }

/**
 * A client's second connection, for replies that the caller expects to be large: on one connection a reply waits
 * for all of the one before it. It is a session of its own, and keeps no order with the other one.
 */
export class BulkLane {
  /** Its own counters: a heartbeat must not take the other connection's bytes for a sign of life. */
  readonly traffic: Traffic = newTraffic()
  readonly link: Link

  constructor(options: ResolvedOptions, open: OpenTransport) {
    this.link = new Link(options, open, NOBODY, this.traffic)
  }

  /**
   * Takes a request, unless it belongs to the main connection's session, or the lane has ended, as after a refused
   * password; then the main connection has to.
   */
  takes(lane: Lane | undefined, pending: Pending): boolean {
    if (lane !== 'bulk' || pending.request.isOfSession || this.link.status === 'closed') return false
    this.link.send(pending)
    return true
  }

  /** The main connection's counts and this one's in one. */
  addTo<C extends Counts>(counts: C): C {
    const { traffic, link } = this
    return {
      ...counts,
      inFlight: counts.inFlight + link.inFlight,
      queued: counts.queued + link.queued,
      bytesIn: counts.bytesIn + traffic.bytesIn,
      bytesOut: counts.bytesOut + traffic.bytesOut,
      socketWrites: counts.socketWrites + traffic.socketWrites,
      reconnects: counts.reconnects + link.reconnects,
      unknownReplies: counts.unknownReplies + traffic.unknownReplies,
      chunksDropped: counts.chunksDropped + traffic.chunksDropped,
    }
  }

  destroy(error: TarantellaError | undefined): void {
    this.link.destroy(error)
  }
}

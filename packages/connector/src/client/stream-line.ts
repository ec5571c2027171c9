import type { Connection } from '../connection/connection.ts'
import { closedError } from '../connection/failures.ts'
import type { Pending } from '../connection/pending.ts'
import { ConnectionError, TarantellaError } from '../errors.ts'
import { RequestType } from '../protocol/constants.ts'
import { assertFeature, type ServerInfo } from '../protocol/features.ts'
import type { Request } from '../protocol/request.ts'
import type { Status } from './link.ts'
import { OfflineQueue } from './offline-queue.ts'

/** Requests of one stream that wait for a connection or for a look-up. */
const MOST_WAITING = 1024

/** What streams need of the link. */
export interface StreamPort {
  readonly status: Status
  /** Of the latest session. */
  readonly server: ServerInfo | undefined
  /** The connection that takes new work; undefined while there is none. */
  readonly session: Connection | undefined
  /** Undefined if the request can be sent now, else the look-up after which to ask again; throws if it never can. */
  resolve(request: Request): Promise<void> | undefined
  /** Resolves when a session is there; rejects when there will be none. */
  ready(): Promise<void>
}

/**
 * The way of one stream's requests: over one connection, the one that is there at the first request, and in the
 * order of the calls, also if one of them has to wait for a look-up. It ends with its connection.
 */
export class StreamLine {
  readonly #id: number
  readonly #port: StreamPort
  readonly #waiting = new OfflineQueue(MOST_WAITING, `${MOST_WAITING} requests of the stream wait to be sent`)
  #connection: Connection | undefined
  #release: (() => void) | undefined

  constructor(id: number, port: StreamPort) {
    this.#id = id
    this.#port = port
  }

  /** Whether a BEGIN was sent and {@link end} not called since. */
  isInTransaction(): boolean {
    return this.#release !== undefined
  }

  /** The transaction has ended, or was never begun. */
  end(): void {
    this.#release?.()
    this.#release = undefined
  }

  /** Sees to it that `pending` settles. */
  send(pending: Pending): void {
    pending.request.streamId = this.#id
    try {
      if (this.#waiting.size > 0) this.#waiting.add(pending)
      else {
        const obstacle = this.#prepare(pending.request)
        if (obstacle === undefined) this.#transmit(pending)
        else {
          this.#waiting.add(pending)
          void this.#pump(obstacle)
        }
      }
    } catch (error) {
      pending.reject(error)
    }
  }

  /** Sends what waits, one after the other. Two pumps do no harm: each looks at the first one in the queue. */
  async #pump(obstacle: Promise<void>): Promise<void> {
    let next: Promise<void> | undefined = obstacle
    for (let pending = this.#waiting.first; pending !== undefined; pending = this.#waiting.first) {
      try {
        const current = next ?? this.#prepare(pending.request)
        next = undefined
        if (current !== undefined) await current
        else if (this.#waiting.remove(pending)) this.#transmit(pending)
      } catch (error) {
        if (this.#waiting.remove(pending)) pending.reject(error)
      }
    }
  }

  /** What has to be waited for before the request can be sent. */
  #prepare(request: Request): Promise<void> | undefined {
    if (this.#connection === undefined) {
      const { session, server } = this.#port
      if (session === undefined) return this.#untilConnected()
      if (server !== undefined) assertFeature('streams', server)
      this.#connection = session
    }
    this.#assertAlive(this.#connection)
    return this.#port.resolve(request)
  }

  async #untilConnected(): Promise<void> {
    try {
      await this.#port.ready()
    } catch (error) {
      // It was under way when that connection was lost again; this request was not.
      if (error instanceof TarantellaError && error.sent && error.code === 'CONNECTION_LOST') return
      throw error
    }
  }

  #transmit(pending: Pending): void {
    const connection = this.#connection
    if (connection === undefined) return
    this.#assertAlive(connection)
    connection.send(pending)
    if (pending.request.type === RequestType.BEGIN) this.#release ??= connection.hold()
  }

  #assertAlive(connection: Connection): void {
    const { status, session } = this.#port
    if (status === 'draining' || status === 'closed') throw closedError()
    if (!connection.isOpen) throw ended('The connection of this stream was lost')
    // A transaction may come to its end over a connection that is being left.
    if (connection !== session && !this.isInTransaction()) throw ended('The server shuts down')
  }
}

function ended(reason: string): ConnectionError {
  const message = `${reason}, and a stream ends with its connection: begin another one`
  return new ConnectionError('CONNECTION_LOST', message, { retryable: false, sent: false })
}

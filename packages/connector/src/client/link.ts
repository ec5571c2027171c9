import { Connection, type ConnectionOwner } from '../connection/connection.ts'
import { closedError, serverStops } from '../connection/failures.ts'
import { Pending } from '../connection/pending.ts'
import type { Traffic } from '../connection/traffic.ts'
import { type ConnectMessage, connectChannel, trace } from '../diagnostics.ts'
import { ConnectionError, type TarantellaError } from '../errors.ts'
import type { ResolvedOptions } from '../options.ts'
import type { KeyEvent } from '../protocol/event.ts'
import type { ServerInfo } from '../protocol/features.ts'
import type { Request } from '../protocol/request.ts'
import { PingRequest } from '../protocol/requests/ping.ts'
import type { OpenTransport } from '../transport/transport.ts'
import type { BackoffPolicy } from '../util/backoff.ts'
import { thisTurn } from '../util/turn.ts'
import { credentialsFrom } from './credentials.ts'
import { Names } from './names.ts'
import { OfflineQueue } from './offline-queue.ts'
import { Reconnector } from './reconnect.ts'
import { Watchers } from './watchers.ts'

/**
 * ```
 * connecting → connected ⇄ reconnecting
 *     │            │  ↘        │
 *     │            │  draining │
 *     └────────────┴───→ closed
 * ```
 */
export type Status = 'connecting' | 'connected' | 'reconnecting' | 'draining' | 'closed'

/** True under this key: the server stops, and waits a while for those who watch the key to leave. Since 2.10. */
const SHUTDOWN = 'box.shutdown'

/** Who hears of the link's ups and downs; control flow does not depend on it. */
export interface LinkObserver {
  connected(): void
  /** The server stops; no request is lost for it. */
  stopping(): void
  disconnected(error: TarantellaError): void
  closed(error: TarantellaError | undefined): void
  /** A reply came under another schema than the one before. */
  schemaChanged(): void
}

/** Keeps one connection alive and gives requests their way: into it, or into a queue until it is back. */
export class Link implements ConnectionOwner {
  readonly #options: ResolvedOptions
  readonly #open: OpenTransport
  readonly #observer: LinkObserver
  readonly #traffic: Traffic
  readonly #offline: OfflineQueue
  readonly #names: Names
  readonly watchers: Watchers = new Watchers((request) => this.#post(request))
  #status: Status = 'connecting'
  /** While dialing, too; look at the status before sending. */
  #connection: Connection | undefined
  /** Whether the connection is being left, for the server stops. */
  #isRetiring = false
  #reconnector: Reconnector | undefined
  #server: ServerInfo | undefined
  #closing: Promise<void> | undefined
  reconnects = 0

  constructor(options: ResolvedOptions, open: OpenTransport, observer: LinkObserver, traffic: Traffic) {
    this.#options = options
    this.#open = open
    this.#observer = observer
    this.#traffic = traffic
    const { offlineQueueMax } = options
    this.#offline = new OfflineQueue(
      offlineQueueMax,
      `The connection is down and ${offlineQueueMax} requests wait for it (\`offlineQueue.max\`)`,
    )
    this.#names = new Names(options, this)
    const value = (isStopping: unknown): void => (isStopping === true ? this.#retire() : undefined)
    this.watchers.add(SHUTDOWN, { value, failed: () => undefined, ended: () => undefined })
  }

  get status(): Status {
    return this.#status
  }

  /** Of the latest session. */
  get server(): ServerInfo | undefined {
    return this.#server
  }

  get inFlight(): number {
    return this.#connection?.inFlight ?? 0
  }

  get queued(): number {
    return this.#offline.size + this.#names.size
  }

  /** The first connect: its failure is the end of the link. */
  async connect(): Promise<void> {
    try {
      await this.#dial()
    } catch (error) {
      this.#close(undefined)
      throw error
    }
  }

  /** The connection that takes new work; undefined while there is none. */
  get session(): Connection | undefined {
    return this.#status === 'connected' ? this.#connection : undefined
  }

  /** Sees to it that `pending` settles. */
  send(pending: Pending): void {
    if (this.#status === 'draining') pending.reject(closedError())
    else this.route(pending)
  }

  /**
   * Waits for the replies to what was sent or is about to be; requests that wait for a reconnect are rejected.
   * A second call joins the first.
   */
  close(): Promise<void> {
    this.#closing ??= this.#drain()
    return this.#closing
  }

  async #drain(): Promise<void> {
    if (this.#status === 'connected' || this.#isRetiring) {
      this.#status = 'draining'
      // What waits for a look-up when the server stops is not sent any more.
      if (!this.#isRetiring) await this.#names.settled()
      await this.#connection?.drain(closedError())
    }
    this.#close(undefined)
  }

  destroy(error: TarantellaError | undefined): void {
    this.#close(error)
  }

  lost(error: TarantellaError, unsent: readonly Pending[]): void {
    this.#connection = undefined
    this.watchers.pause()
    const homeless = [...unsent, ...this.#names.clear()]
    const policy = this.#options.reconnect
    const isRetired = this.#isRetiring && this.#status === 'reconnecting'
    this.#isRetiring = false
    // While it is still being dialed for, `#dial` sees that it has gone.
    if (!this.#isUp() && !isRetired) this.#refuse(homeless, error)
    else if (this.#status !== 'draining' && policy !== undefined) this.#reconnect(policy, error, homeless)
    else {
      // While draining, an end without a cause of its own is the one that was asked for.
      const isLoss = error.code !== 'CONNECTION_CLOSED'
      this.#refuse(homeless, error)
      if (isLoss) this.#observer.disconnected(error)
      this.#close(isLoss ? error : undefined)
    }
  }

  #reconnect(policy: BackoffPolicy, error: TarantellaError, homeless: readonly Pending[]): void {
    this.#status = 'reconnecting'
    for (const pending of homeless) {
      if (this.#options.offlineQueueMax === 0) pending.reject(error)
      else this.#offline.readmit(pending)
    }
    this.#reconnector = new Reconnector(policy, {
      dial: () => this.#dial(),
      gaveUp: (reason) => this.#close(reason),
      random: Math.random,
    })
    this.#reconnector.start(error)
    this.#observer.disconnected(error)
  }

  stale(pending: Pending): void {
    this.#names.forget()
    this.route(pending)
  }

  event(event: KeyEvent): void {
    this.watchers.event(event)
  }

  /** See {@link Names.resolve}. */
  resolve(request: Request): Promise<void> | undefined {
    return this.#names.resolve(request)
  }

  /** Resolves when a session is there, within the bounds of the offline queue; rejects when there will be none. */
  async ready(): Promise<void> {
    const pending = new Pending(new PingRequest(), Number.POSITIVE_INFINITY, thisTurn())
    this.send(pending)
    await pending.promise
  }

  /** Nothing new goes over this connection; it ends when what is under way is done, and the next one is dialed. */
  #retire(): void {
    const connection = this.session
    if (connection === undefined) return
    this.#isRetiring = true
    this.#status = this.#options.reconnect === undefined ? 'draining' : 'reconnecting'
    this.#observer.stopping()
    connection.retire(serverStops(this.#options.address))
  }

  #post(request: Request): void {
    if (this.#server?.features.has('watchers') === true) this.session?.post(request)
  }

  schemaChanged(): void {
    this.#names.forget()
    this.#observer.schemaChanged()
  }

  /** For requests that were admitted: a link that drains still sends them. */
  route(pending: Pending): void {
    const connection = this.#connection
    if (connection !== undefined && this.#isUp()) {
      try {
        if (this.#names.isResolved(pending)) connection.send(pending)
      } catch (error) {
        pending.reject(error)
      }
    } else if (this.#status !== 'reconnecting') pending.reject(closedError())
    else if (this.#options.offlineQueueMax === 0) {
      pending.reject(offline('The connection is down and the offline queue is switched off'))
    } else this.#offline.add(pending)
  }

  #isUp(): boolean {
    return this.#status === 'connected' || this.#status === 'draining'
  }

  #dial(): Promise<void> {
    if (!connectChannel.hasSubscribers) return this.#establish()
    const { address, user } = this.#options
    const message: ConnectMessage = { address, user, isReconnect: this.#server !== undefined }
    return trace(connectChannel, message, () => this.#establish())
  }

  async #establish(): Promise<void> {
    const credentials = await credentialsFrom(this.#options)
    if (this.#status === 'closed') throw closedError()
    const connection = new Connection({ ...this.#options, credentials, open: this.#open, traffic: this.#traffic }, this)
    this.#connection = connection
    try {
      const server = await connection.opened
      // Between the session and this line the link may have been destroyed, or the connection lost again.
      if (this.#connection !== connection) throw offline('The connection was lost as soon as it was established')
      this.#onOpen(server)
    } catch (error) {
      if (this.#connection === connection) this.#connection = undefined
      throw error
    }
  }

  #onOpen(server: ServerInfo): void {
    if (this.#status === 'reconnecting') this.reconnects++
    this.#status = 'connected'
    this.#server = server
    this.#names.forget()
    this.watchers.subscribe()
    // Listeners come first: a session that needs requests of its own makes them before the queue's.
    this.#observer.connected()
    for (const pending of this.#offline.clear()) this.send(pending)
  }

  #refuse(pendings: readonly Pending[], error: TarantellaError): void {
    for (const pending of pendings) pending.reject(error)
  }

  #close(error: TarantellaError | undefined): void {
    if (this.#status === 'closed') return
    this.#status = 'closed'
    this.#reconnector?.stop()
    const reason = error ?? closedError()
    this.#connection?.destroy(reason)
    this.#connection = undefined
    this.#refuse([...this.#offline.clear(), ...this.#names.clear()], reason)
    this.watchers.end(error)
    this.#observer.closed(error)
  }
}

function offline(message: string): ConnectionError {
  return new ConnectionError('CONNECTION_LOST', message, { retryable: true, sent: false })
}

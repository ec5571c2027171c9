import { Pending } from '../connection/pending.ts'
import { ServerError, TimeoutError, UsageError } from '../errors.ts'
import { ErrorNumber } from '../protocol/error-codes.ts'
import { assertFeature, type ServerInfo } from '../protocol/features.ts'
import type { Request } from '../protocol/request.ts'
import { ReadViewRequest, type SchemaRows } from '../protocol/requests/read-view.ts'
import { SpaceRequest } from '../protocol/requests/space-request.ts'
import { thisTurn } from '../util/turn.ts'
import { OfflineQueue } from './offline-queue.ts'
import { Schema } from './schema.ts'

/** What names need of the link. */
export interface NamesPort {
  /** Of the latest session. */
  readonly server: ServerInfo | undefined
  /** Sends a request that can be sent, or sees to it that it settles. */
  route(pending: Pending): void
}

export interface NamesOptions {
  readonly requestTimeoutMs: number
  readonly maxInFlight: number
  readonly tupleFormats: boolean
}

/** Decides how the space and the index of a request go out, and keeps requests whose space has to be looked up first. */
export class Names {
  readonly #options: NamesOptions
  readonly #port: NamesPort
  readonly #schema = new Schema((space, index, key) => this.#readView(space, index, key))
  readonly #waiting: OfflineQueue

  constructor(options: NamesOptions, port: NamesPort) {
    this.#options = options
    this.#port = port
    const { maxInFlight } = options
    this.#waiting = new OfflineQueue(maxInFlight, `${maxInFlight} requests are in flight (\`maxInFlight\`)`)
  }

  /** How many requests wait for a look-up. */
  get size(): number {
    return this.#waiting.size
  }

  /** The schema has changed, or this is another session and perhaps another server. */
  forget(): void {
    this.#schema.forget()
  }

  /** Empties the queue; returns what was in it, in order. */
  clear(): Pending[] {
    return this.#waiting.clear()
  }

  /** Resolves when nothing waits for a look-up any more. */
  async settled(): Promise<void> {
    while (this.#waiting.size > 0) await this.#schema.settled()
  }

  /** Whether the request can be sent now; if not, it is routed again when its space has been looked up. */
  isResolved(pending: Pending): boolean {
    const lookup = this.resolve(pending.request)
    if (lookup === undefined) return true
    this.#wait(pending, lookup)
    return false
  }

  /**
   * Settles how the request goes out; else gives the look-up after which to ask again. Throws, as the look-up
   * rejects, if it cannot go out at all.
   */
  resolve(request: Request): Promise<void> | undefined {
    const { server } = this.#port
    if (request.requires !== undefined && server !== undefined) assertFeature(request.requires, server)
    if (!(request instanceof SpaceRequest)) {
      if (request.rows === 'object' && !this.#options.tupleFormats) throw withoutFormats()
      return undefined
    }
    const isShapeless = request.needsShape && !this.#bringsFormats
    if (!request.isByName && !request.needsShape) return undefined
    if (!isShapeless && (!request.isByName || server?.features.has('space-and-index-names') === true)) {
      request.useNames()
      return undefined
    }
    const target = this.#schema.resolve(request)
    if (target === undefined) return this.#lookUp(request)
    request.useNumbers(target)
    return undefined
  }

  /** Whether replies say the formats of their tuples themselves. */
  get #bringsFormats(): boolean {
    return this.#options.tupleFormats && this.#port.server?.features.has('dml-tuple-extension') === true
  }

  async #lookUp({ space, needsShape }: SpaceRequest): Promise<void> {
    try {
      await this.#schema.lookUp(space, needsShape)
    } catch (error) {
      // Only the server's own error was sent: there, the view is missing, not the space that was looked for.
      if (error instanceof ServerError && error.number === ErrorNumber.NO_SUCH_SPACE && error.sent) throw booting(error)
      throw error instanceof TimeoutError ? lookupTimeout(space) : error
    }
  }

  #wait(pending: Pending, lookup: Promise<void>): void {
    const queue = this.#waiting
    queue.add(pending)
    // What has left the queue meanwhile is settled, or the connection was lost and it waits for the next one.
    const found = (): void => {
      if (queue.remove(pending)) this.#port.route(pending)
    }
    const failed = (error: unknown): void => {
      if (queue.remove(pending)) pending.reject(error)
    }
    lookup.then(found, failed)
  }

  #readView(space: number, index: number, key: readonly unknown[]): Promise<SchemaRows> {
    const request = new ReadViewRequest(space, index, key)
    const pending = new Pending(request, this.#options.requestTimeoutMs, thisTurn())
    this.#port.route(pending)
    // A ReadViewRequest's reply is SchemaRows.
    return pending.promise as Promise<SchemaRows>
  }
}

function withoutFormats(): UsageError {
  const message = "Expected the option `tupleFormats` of the client beside `rows: 'object'` of a call"
  return new UsageError('INVALID_ARGUMENT', message)
}

/** The server takes requests before its system spaces are there. */
function booting({ code, number, message, frames }: ServerError): ServerError {
  return new ServerError(code, number, `The server has no system spaces yet: ${message}`, frames, true, false)
}

/** The request itself was not sent, whatever became of the look-up. */
function lookupTimeout(space: number | string): TimeoutError {
  const message = `The server did not answer the look-up of space '${space}' in time`
  return new TimeoutError('REQUEST_TIMEOUT', message, { retryable: true, sent: false })
}

import type { Client } from '../client/client.ts'
import { OfflineQueue } from '../client/offline-queue.ts'
import type { RequestOptions } from '../client/request-options.ts'
import { closedError } from '../connection/failures.ts'
import { Pending } from '../connection/pending.ts'
import { ConnectionError, ServerError, TarantellaError, TimeoutError } from '../errors.ts'
import { duration } from '../options.ts'
import type { Request } from '../protocol/request.ts'
import { PingRequest } from '../protocol/requests/ping.ts'
import { AbortGroups } from '../util/abort-groups.ts'
import { thisTurn } from '../util/turn.ts'
import { isReadOnlyRefusal, leaderIn } from './role-probe.ts'
import type { Mode } from './roles.ts'

/** An instance as the router sees it. */
export interface Target {
  readonly name: string
  /** Undefined: it takes no requests now. */
  readonly client: Pick<Client, 'exchange'> | undefined
}

/** What the router needs to know of the instances. */
export interface Directory<T extends Target> {
  /** Who may serve a request; in turns, so that the load is shared. */
  pick(mode: Mode, tried: ReadonlySet<T> | undefined): T | undefined
  /** The instance has refused a write. */
  refused(target: T, leaderUuid: string | undefined): void
  /** The instance says that it does not serve. */
  doubted(target: T): void
}

export interface RouterOptions {
  readonly requestTimeoutMs: number
  /** Requests that wait for an instance; 0: none may. */
  readonly waitingMax: number
}

/** A request on its way through the instances. */
interface Journey<R> {
  readonly mode: Mode
  readonly options: RequestOptions | undefined
  readonly build: () => Request<R>
  readonly limitMs: number
  readonly expiresAt: number
  /** Whether an instance may have executed it; then it may go on as idempotent only. */
  sent: boolean
  lastError: unknown
}

/**
 * Gives each request an instance that may serve it, and another one if that one has not executed it: it was never
 * sent, it was refused by a read-only server, or it is declared idempotent. Where nobody can serve it, it waits within
 * its time limit.
 */
export class Router<T extends Target> {
  readonly #options: RouterOptions
  readonly #directory: Directory<T>
  readonly #waiting: OfflineQueue
  readonly #aborts = new AbortGroups()
  /** How often {@link wake} was called. */
  #changes = 0
  #closedBy: TarantellaError | undefined

  constructor(options: RouterOptions, directory: Directory<T>) {
    this.#options = options
    this.#directory = directory
    const text = `${options.waitingMax} requests wait for an instance (\`offlineQueue.max\`)`
    this.#waiting = new OfflineQueue(options.waitingMax, text)
  }

  /** Requests that wait for an instance. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** Never throws. */
  send<R>(mode: Mode, options: RequestOptions | undefined, build: () => Request<R>): Promise<R> {
    if (this.#closedBy !== undefined) return Promise.reject(this.#closedBy)
    const begun = performance.now()
    const target = this.#directory.pick(mode, undefined)
    const client = target?.client
    if (target === undefined || client === undefined) return this.#travel(mode, options, build, begun)
    // Mostly there is nothing to be done but to hand the request over.
    return client.exchange(options, build).catch((error: unknown) => {
      if (!this.#mayGoOn(error, mode, options)) throw error
      return this.#travel(mode, options, build, begun, { target, error })
    })
  }

  /** An instance for requests that belong together, as those of a transaction; waits for it. */
  async client(mode: Mode, options: RequestOptions | undefined): Promise<NonNullable<T['client']>> {
    const journey = this.#begin(mode, options, () => new PingRequest(), performance.now())
    for (;;) {
      if (this.#closedBy !== undefined) throw this.#closedBy
      const target = this.#directory.pick(mode, undefined)
      // Looked at once, for it may go at any time.
      const client: T['client'] = target?.client
      if (client !== undefined) return client
      await this.#wait(journey, false)
    }
  }

  /** Who serves what has changed: those who wait look anew. */
  wake(): void {
    this.#changes++
    for (const ticket of this.#waiting.clear()) ticket.resolve(undefined)
  }

  /** Takes no more requests, and rejects those that wait. */
  close(error: TarantellaError = closedError()): void {
    this.#closedBy ??= error
    for (const ticket of this.#waiting.clear()) ticket.reject(this.#closedBy)
  }

  async #travel<R>(
    mode: Mode,
    options: RequestOptions | undefined,
    build: () => Request<R>,
    begun: number,
    failure?: { readonly target: T; readonly error: unknown },
  ): Promise<R> {
    const journey = this.#begin(mode, options, build, begun)
    const tried = new Set<T>()
    if (failure !== undefined) this.#note(journey, tried, failure.target, failure.error)
    let hasWaited = false
    let seen = this.#changes
    for (;;) {
      if (this.#closedBy !== undefined) throw journey.sent ? journey.lastError : this.#closedBy
      const target = this.#directory.pick(mode, tried)
      const client = target?.client
      if (target === undefined || client === undefined) {
        if (isOverloaded(journey.lastError)) throw journey.lastError
        // What has changed while it was under way need not be waited for.
        if (seen === this.#changes) await this.#wait(journey, hasWaited)
        hasWaited = true
        seen = this.#changes
        tried.clear()
        continue
      }
      try {
        return await client.exchange({ ...options, timeoutMs: this.#left(journey) }, build)
      } catch (error) {
        if (!this.#mayGoOn(error, mode, options)) throw error
        this.#note(journey, tried, target, error)
      }
    }
  }

  #begin<R>(mode: Mode, options: RequestOptions | undefined, build: () => Request<R>, begun: number): Journey<R> {
    const timeoutMs = options?.timeoutMs
    const limitMs = timeoutMs === undefined ? this.#options.requestTimeoutMs : duration('timeoutMs', timeoutMs)
    return { mode, options, build, limitMs, expiresAt: begun + limitMs, sent: false, lastError: undefined }
  }

  /** Whether the request has not been executed, or may be executed again, and another instance may do better. */
  #mayGoOn(error: unknown, mode: Mode, options: RequestOptions | undefined): boolean {
    if (!(error instanceof TarantellaError)) return false
    const isIdempotent = options?.idempotent === true
    if (isReadOnlyRefusal(error)) return takesWrites(mode) && (error.retryable || isIdempotent)
    if (!(error instanceof ConnectionError)) return error.code === 'ER_LOADING'
    const hasLeft = error.code === 'CONNECTION_LOST' || error.code === 'CONNECTION_CLOSED'
    return isOverloaded(error) || (hasLeft && (!error.sent || isIdempotent))
  }

  #note<R>(journey: Journey<R>, tried: Set<T>, target: T, error: unknown): void {
    journey.lastError = error
    if (error instanceof ConnectionError) journey.sent ||= error.sent
    tried.add(target)
    if (isReadOnlyRefusal(error)) this.#directory.refused(target, leaderIn(error))
    else if (error instanceof ServerError) this.#directory.doubted(target)
  }

  async #wait<R>(journey: Journey<R>, isKnown: boolean): Promise<void> {
    const { signal } = journey.options ?? {}
    signal?.throwIfAborted()
    if (this.#options.waitingMax === 0) throw journey.lastError ?? nobody(journey)
    const leftMs = this.#left(journey)
    // Stands for the request in the queue, which gives it its bound, its deadline and its abort.
    const ticket = new Pending(new PingRequest(), leftMs, thisTurn())
    if (signal !== undefined) ticket.heed(signal, this.#aborts)
    if (isKnown) this.#waiting.readmit(ticket)
    else this.#waiting.add(ticket)
    try {
      await ticket.promise
    } catch (error) {
      if (error instanceof TimeoutError) throw tooLate(journey)
      throw error
    }
  }

  /** Milliseconds until the request's time is over. Throws if it is. */
  #left<R>(journey: Journey<R>): number {
    const leftMs = journey.expiresAt - performance.now()
    if (leftMs > 0) return leftMs
    throw tooLate(journey)
  }
}

function takesWrites(mode: Mode): boolean {
  return mode === 'rw' || mode === 'preferRw'
}

function isOverloaded(error: unknown): boolean {
  return error instanceof ConnectionError && error.code === 'OVERLOADED'
}

function nobody<R>({ mode }: Journey<R>): ConnectionError {
  const message = `No instance of the pool serves \`${mode}\` now`
  return new ConnectionError('CONNECTION_LOST', message, { retryable: true, sent: false })
}

function tooLate<R>({ mode, limitMs, sent, lastError }: Journey<R>): TimeoutError {
  const after = sent ? 'the instance that was lost may have executed it' : 'it was never executed'
  const message = `No instance of the pool served \`${mode}\` within ${limitMs} ms; ${after}`
  return new TimeoutError('REQUEST_TIMEOUT', message, { retryable: !sent, sent, cause: lastError })
}

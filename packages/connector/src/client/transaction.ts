import { TarantellaError, TimeoutError, UsageError } from '../errors.ts'
import { duration, show } from '../options.ts'
import type { Request } from '../protocol/request.ts'
import { Commands } from './commands.ts'
import type { RequestOptions } from './request-options.ts'
import type { BeginOptions, Stream } from './stream.ts'

/** A rollback is sent also when its time has come. */
const LEAST_LIMIT_MS = 1

export interface TransactionOptions extends Omit<BeginOptions, 'lane' | 'idempotent'> {
  /** Milliseconds for all of it, from the call until the commit's reply. @default none but each request's own limit */
  readonly timeoutMs?: number | undefined
  /** Its abort rolls back, and rejects with the signal's reason; a commit under way is waited for. */
  readonly signal?: AbortSignal | undefined
}

/** The function that makes a transaction; see `Client.begin`. */
export type TransactionBody<T> = (tx: Commands) => Promise<T> | T

/** Commits when `body` is done, rolls back when it throws; see `Client.begin`. `owner` is the client of the stream. */
export async function transact<T>(
  stream: Stream,
  body: TransactionBody<T>,
  options: TransactionOptions,
  owner: object,
): Promise<T> {
  if (typeof body !== 'function') {
    throw new UsageError('INVALID_ARGUMENT', `Expected \`body\` to be a function, got ${show(body)}`)
  }
  const transaction = new Transaction(stream, options, owner)
  await transaction.begin()
  let result: T
  try {
    result = await body(transaction.commands)
    await transaction.settled()
  } catch (error) {
    await transaction.rollback()
    throw error
  }
  await transaction.commit()
  return result
}

class Transaction {
  /** What the body gets: the stream's commands within the limits of the transaction, and no longer than it. */
  readonly commands: Commands
  readonly #stream: Stream
  readonly #options: TransactionOptions
  /** Milliseconds of `performance.now()`; Infinity for none. */
  readonly #deadline: number
  readonly #unsettled = new Set<Promise<unknown>>()
  #hasEnded = false

  constructor(stream: Stream, options: TransactionOptions, owner: object) {
    this.commands = new Commands((limits, build) => this.#send(limits, build), owner)
    this.#stream = stream
    this.#options = options
    const { timeoutMs } = options
    const limitMs = timeoutMs === undefined ? Number.POSITIVE_INFINITY : duration('timeoutMs', timeoutMs)
    this.#deadline = performance.now() + limitMs
  }

  begin(): Promise<void> {
    return this.#stream.begin(this.#options)
  }

  /** Waits for statements that the body has left alone; rejects if one of them fails, or it is too late to commit. */
  async settled(): Promise<void> {
    while (this.#unsettled.size > 0) await Promise.all(this.#unsettled)
    this.#hasEnded = true
    this.#options.signal?.throwIfAborted()
    this.#assertInTime()
  }

  commit(): Promise<void> {
    return this.#stream.commit({ timeoutMs: this.#limit(undefined) })
  }

  /** Never rejects: if the server cannot be told, it rolls back by itself when the connection ends. */
  async rollback(): Promise<void> {
    this.#hasEnded = true
    // They fail with the transaction, of which the caller is told.
    for (const statement of this.#unsettled) statement.catch(() => undefined)
    const done = this.#stream.rollback({ timeoutMs: this.#limit(undefined) }).catch(() => undefined)
    // It comes after the statement that runs, for which an abort does not wait.
    if (this.#options.signal?.aborted !== true) await done
  }

  #send<R>(options: RequestOptions | undefined, build: () => Request<R>): Promise<R> {
    try {
      if (this.#hasEnded) throw ended()
      this.#assertInTime()
      const base = this.#stream.exchange(this.#limited(options), build)
      // Another promise than the one that is watched here: a rejection that nobody handles must be seen as such.
      const statement = base.finally(() => this.#unsettled.delete(statement))
      this.#unsettled.add(statement)
      return statement
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #limited(options: RequestOptions | undefined): RequestOptions {
    const { signal } = this.#options
    const own = options?.signal
    const both = own !== undefined && signal !== undefined ? AbortSignal.any([own, signal]) : (own ?? signal)
    return { ...options, signal: both, timeoutMs: this.#limit(options?.timeoutMs) }
  }

  /** What is left for a request, if the transaction has a limit. */
  #limit(timeoutMs: number | undefined): number | undefined {
    if (this.#deadline === Number.POSITIVE_INFINITY) return timeoutMs
    const left = Math.max(this.#deadline - performance.now(), LEAST_LIMIT_MS)
    return Math.min(left, timeoutMs ?? Number.POSITIVE_INFINITY)
  }

  #assertInTime(): void {
    if (performance.now() < this.#deadline) return
    const message = `The transaction was not committed within ${this.#options.timeoutMs} ms; it is rolled back`
    throw new TimeoutError('REQUEST_TIMEOUT', message, { retryable: true, sent: false })
  }
}

function ended(): TarantellaError {
  const message = 'The transaction has ended: its commands can be used until the function that got them has returned'
  return new TarantellaError('TRANSACTION_ENDED', message, { retryable: false, sent: false })
}

import type { Pending } from '../connection/pending.ts'
import { ConnectionError, ServerError, TarantellaError, UsageError } from '../errors.ts'
import { show } from '../options.ts'
import { ErrorNumber } from '../protocol/error-codes.ts'
import type { Request } from '../protocol/request.ts'
import { BeginRequest, ISOLATION_LEVELS, type IsolationLevel } from '../protocol/requests/begin.ts'
import { CommitRequest } from '../protocol/requests/commit.ts'
import { RollbackRequest } from '../protocol/requests/rollback.ts'
import { Commands } from './commands.ts'
import type { RequestOptions, Send } from './request-options.ts'
import { StreamLine, type StreamPort } from './stream-line.ts'

/** Makes a request of what `build` gives, and hands it to `route`. */
export type Issue = <R>(
  options: RequestOptions | undefined,
  build: () => Request<R>,
  route: (pending: Pending) => void,
) => Promise<R>

export interface BeginOptions extends RequestOptions {
  /** @default 'default', which is `txn_isolation` of `box.cfg` */
  readonly isolation?: IsolationLevel | undefined
  /** Seconds after which the server rolls the transaction back. @default `txn_timeout` of `box.cfg`, about 100 years */
  readonly timeout?: number | undefined
  /** Whether the commit waits for a quorum although no space of it is synchronous (server >= 3.2). @default false */
  readonly isSync?: boolean | undefined
}

/** The outcome of a commit that was given up would not be known, so it heeds no signal. */
export interface CommitOptions extends Omit<RequestOptions, 'signal'> {
  /** As in {@link BeginOptions}. @default false */
  readonly isSync?: boolean | undefined
}

/**
 * Requests that the server executes one after the other, in the order of the calls, and that can form a transaction
 * (server >= 2.10). Other streams and requests without one go on meanwhile. Made by `Client.stream`; `Client.begin`
 * is mostly what you want.
 *
 * A stream belongs to one connection, and ends with it: from then on its requests reject with `CONNECTION_LOST`,
 * nothing is sent again, and the server rolls its transaction back. A statement that fails does not end the
 * transaction: a commit after it makes the others last.
 */
export class Stream extends Commands {
  readonly #line: StreamLine
  readonly #send: Send

  /** Made by `Client.stream`; `owner` is the client. */
  constructor(id: number, port: StreamPort, issue: Issue, owner: object) {
    const line = new StreamLine(id, port)
    const route = (pending: Pending): void => line.send(pending)
    const send: Send = (options, build) => issue(options, build, route).catch(explain)
    super(send, owner)
    this.#line = line
    this.#send = send
  }

  /** For transactions alone. */
  exchange<R>(options: RequestOptions | undefined, build: () => Request<R>): Promise<R> {
    return this.#send(options, build)
  }

  /** Begins a transaction; rejects with `ER_ACTIVE_TRANSACTION` if one is there. Wait for it before the first statement. */
  async begin(options: BeginOptions = {}): Promise<void> {
    const wasInTransaction = this.#line.isInTransaction()
    try {
      await this.#send(options, () => new BeginRequest(checkBegin(options)))
    } catch (error) {
      if (!wasInTransaction && this.#line.isInTransaction()) this.#undoBegin(error)
      throw error
    }
  }

  #undoBegin(error: unknown): void {
    if (error instanceof ServerError) this.#line.end()
    // Given up after it was sent, so the server may have begun. It rolls back by itself if it cannot be told.
    else this.rollback().catch(() => undefined)
  }

  /**
   * Commits the transaction. If its outcome is not known, because the connection was lost or the time limit has
   * passed before the answer, it rejects with `COMMIT_UNKNOWN`; after any other error nothing is committed.
   */
  async commit({ timeoutMs, isSync = false }: CommitOptions = {}): Promise<void> {
    try {
      await this.#send({ timeoutMs }, () => new CommitRequest(checkFlag('isSync', isSync)))
    } catch (error) {
      throw unknownOutcome(error) ?? error
    } finally {
      this.#line.end()
    }
  }

  /** Undoes the transaction. Does nothing if there is none. */
  async rollback(options?: RequestOptions): Promise<void> {
    try {
      await this.#send(options, () => new RollbackRequest())
    } finally {
      this.#line.end()
    }
  }
}

function checkBegin({
  isolation,
  timeout,
  isSync = false,
}: BeginOptions): ConstructorParameters<typeof BeginRequest>[0] {
  if (isolation !== undefined && !Object.hasOwn(ISOLATION_LEVELS, isolation)) {
    const names = Object.keys(ISOLATION_LEVELS).join(', ')
    throw new UsageError('INVALID_ARGUMENT', `Expected \`isolation\` to be one of ${names}; got ${show(isolation)}`)
  }
  if (timeout !== undefined && !(typeof timeout === 'number' && timeout > 0)) {
    throw new UsageError('INVALID_ARGUMENT', `Expected \`timeout\` to be seconds above 0, got ${show(timeout)}`)
  }
  const level = isolation === undefined ? undefined : ISOLATION_LEVELS[isolation]
  return { isolation: level, timeout, isSync: checkFlag('isSync', isSync) }
}

function checkFlag(name: string, value: boolean): boolean {
  if (typeof value === 'boolean') return value
  throw new UsageError('INVALID_ARGUMENT', `Expected \`${name}\` to be true or false, got ${show(value)}`)
}

/** Says what to do about an error whose text, made for transactions inside of the server, does not. */
function explain(error: unknown): never {
  if (!(error instanceof ServerError) || error.number !== ErrorNumber.TRANSACTION_YIELD) throw error
  const hint =
    'a memtx transaction of several requests, between which the server always yields, needs ' +
    '`memtx_use_mvcc_engine = true` in box.cfg'
  throw new ServerError(error.code, error.number, `${error.message}; ${hint}`, error.frames, error.retryable)
}

/** The error of a commit that may have happened. */
function unknownOutcome(error: unknown): ConnectionError | undefined {
  if (!(error instanceof TarantellaError) || error instanceof ServerError || !error.sent) return undefined
  const message = `Whether the transaction was committed is not known: ${error.message}`
  return new ConnectionError('COMMIT_UNKNOWN', message, { retryable: false, sent: true, cause: error })
}

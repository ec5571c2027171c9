import { ServerError, type TarantellaError, TimeoutError, UsageError } from '../errors.ts'
import { duration } from '../options.ts'
import { ErrorNumber, errorCode } from '../protocol/error-codes.ts'
import type { RowForm } from '../protocol/request.ts'
import { ExecuteRequest, type SqlResult } from '../protocol/requests/execute.ts'
import { type PreparedStatement, PrepareRequest, UnprepareRequest } from '../protocol/requests/prepare.ts'
import type { SqlColumn } from '../protocol/sql-columns.ts'
import { within } from '../util/within.ts'
import type { ExecutableStatement, RequestOptions, Send, SqlOptions } from './request-options.ts'
import { bindsFrom, type SqlBind } from './sql-binds.ts'

/** If the schema keeps changing between PREPARE and EXECUTE, give up after so many tries. */
const MOST_TRIES = 10

/** What the server knows a statement by, and under which sessions and schemas. */
interface Handle extends PreparedStatement {
  readonly epoch: number
}

/** One per text, however many have prepared it. */
interface Statement {
  readonly text: string
  users: number
  handle: Handle | undefined
  /** While it is being prepared, once for all who wait. */
  preparing: Promise<Handle> | undefined
}

/**
 * The prepared statements of a client. The server knows a statement by a number that ends with the session and
 * with the next change of the schema; then the statement is prepared again when it is used next. A number is
 * looked at when its request is written, so that one which has waited for a reconnect carries none of the
 * former session, where it may stand for another statement now.
 */
export class Statements {
  /** The client; only requests over its own connection may carry its numbers. */
  readonly owner: object
  readonly #send: Send
  readonly #timeoutMs: number
  readonly #byText = new Map<string, Statement>()
  #epoch = 0

  /** `timeoutMs` is for requests that say none. */
  constructor(owner: object, send: Send, timeoutMs: number) {
    this.owner = owner
    this.#send = send
    this.#timeoutMs = timeoutMs
  }

  /** To be called when there is another session, or another schema. */
  forget(): void {
    this.#epoch++
  }

  async prepare<R>(text: string, options: RequestOptions = {}): Promise<Prepared<R>> {
    const statement = this.#byText.get(text) ?? { text, users: 0, handle: undefined, preparing: undefined }
    this.#byText.set(text, statement)
    statement.users++
    try {
      await this.#ready(statement, options, this.#deadline(options))
    } catch (error) {
      this.#leave(statement)
      throw error
    }
    return new Prepared<R>(this, statement)
  }

  /** For {@link Prepared} and `Commands.execute`: over any way that leads into this client's session. */
  async execute<R>(
    statement: Statement,
    bind: SqlBind,
    options: SqlOptions,
    send: Send = this.#send,
  ): Promise<SqlResult<R>> {
    const binds = bindsFrom(bind)
    const form: RowForm = options.rows ?? 'object'
    const deadline = this.#deadline(options)
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const handle = await this.#ready(statement, options, deadline)
      const id = (): number => this.#idOf(handle)
      try {
        // The number belongs to the session of the first connection.
        const limits = { ...options, lane: undefined, timeoutMs: remaining(deadline) }
        return await send(limits, () => new ExecuteRequest<R>(id, binds, form))
      } catch (error) {
        if (!this.#isOutdated(handle, error)) throw error
        if (statement.handle === handle) statement.handle = undefined
      }
    }
    throw neverValid(statement.text)
  }

  /** For {@link Prepared}: the last one of its text takes the statement from the server. */
  async release(statement: Statement, options: RequestOptions | undefined): Promise<void> {
    const { handle } = statement
    if (!this.#leave(statement) || handle?.epoch !== this.#epoch) return
    try {
      await this.#send(options, () => new UnprepareRequest(() => this.#idOf(handle)))
    } catch (error) {
      // What ended with its session or its schema need not be given up.
      if (!this.#isOutdated(handle, error)) throw error
    }
  }

  /** Whether that was the last one. */
  #leave(statement: Statement): boolean {
    if (--statement.users > 0) return false
    if (this.#byText.get(statement.text) === statement) this.#byText.delete(statement.text)
    return true
  }

  async #ready(statement: Statement, { signal }: RequestOptions, deadline: number): Promise<Handle> {
    if (statement.handle?.epoch === this.#epoch) return statement.handle
    statement.preparing ??= this.#prepare(statement)
    const timeoutMs = remaining(deadline)
    return within(statement.preparing, { timeoutMs, signal }, () => notPrepared(statement.text))
  }

  async #prepare(statement: Statement): Promise<Handle> {
    let epoch = this.#epoch
    const noteEpoch = (): void => {
      epoch = this.#epoch
    }
    try {
      const prepared = await this.#send(undefined, () => new PrepareRequest(statement.text, noteEpoch))
      statement.handle = { ...prepared, epoch }
      return statement.handle
    } finally {
      statement.preparing = undefined
    }
  }

  #idOf(handle: Handle): number {
    if (handle.epoch !== this.#epoch) throw OUTDATED
    return handle.id
  }

  /** The server says of a statement from before a change of the schema that its execution failed, as of any other failure. */
  #isOutdated(handle: Handle, error: unknown): boolean {
    if (error === OUTDATED) return true
    if (!(error instanceof ServerError)) return false
    if (error.number === ErrorNumber.WRONG_QUERY_ID) return true
    return error.number === ErrorNumber.SQL_EXECUTE && handle.epoch !== this.#epoch
  }

  #deadline({ timeoutMs = this.#timeoutMs }: RequestOptions): number {
    return performance.now() + duration('timeoutMs', timeoutMs)
  }
}

/**
 * A prepared statement, made by `client.prepare`. It outlives reconnects and changes of the schema: then it is
 * prepared again before its next execution.
 */
export class Prepared<R = Record<string, unknown>> implements ExecutableStatement<R> {
  readonly #owner: Statements
  readonly #statement: Statement
  #isOver = false

  /** Use `client.prepare`. */
  constructor(owner: Statements, statement: Statement) {
    this.#owner = owner
    this.#statement = statement
  }

  get text(): string {
    return this.#statement.text
  }

  /** What the statement has to be given, as of when it was prepared last. */
  get parameters(): readonly SqlColumn[] {
    return this.#statement.handle?.parameters ?? []
  }

  /** Columns of its rows, as of when it was prepared last. */
  get metadata(): readonly SqlColumn[] {
    return this.#statement.handle?.metadata ?? []
  }

  /** Rejects like `client.execute`. */
  async execute(bind: SqlBind = [], options: SqlOptions = {}): Promise<SqlResult<R>> {
    return this.#execute(bind, options)
  }

  async executeOver(owner: object, send: Send, bind: SqlBind, options: SqlOptions): Promise<SqlResult<R>> {
    if (owner !== this.#owner.owner) throw wrong('Expected a statement that this client has prepared')
    return this.#execute(bind, options, send)
  }

  /** Gives the statement up; the server forgets it if nobody else has prepared the same text. A second call does nothing. */
  async unprepare(options?: RequestOptions): Promise<void> {
    if (this.#isOver) return
    this.#isOver = true
    await this.#owner.release(this.#statement, options)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.unprepare()
  }

  #execute(bind: SqlBind, options: SqlOptions, send?: Send): Promise<SqlResult<R>> {
    if (this.#isOver) throw wrong('The statement was given up by `unprepare`')
    return this.#owner.execute<R>(this.#statement, bind, options, send)
  }
}

/** Never leaves this file. */
const OUTDATED = new Error('The statement has to be prepared again')

/** Infinity stays so. */
function remaining(deadline: number): number {
  return Math.max(1, deadline - performance.now())
}

function wrong(message: string): UsageError {
  return new UsageError('INVALID_ARGUMENT', message)
}

function notPrepared(text: string): TarantellaError {
  const message = `The statement was not prepared in time, and never executed: ${text.slice(0, 80)}`
  return new TimeoutError('REQUEST_TIMEOUT', message, { retryable: true, sent: false })
}

function neverValid(text: string): ServerError {
  const number = ErrorNumber.SQL_EXECUTE
  const message = `The schema changed ${MOST_TRIES} times while the statement was prepared: ${text.slice(0, 80)}`
  return new ServerError(errorCode(number), number, message, [], true, false)
}

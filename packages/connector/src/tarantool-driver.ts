import { EventEmitter } from 'node:events'
import { Pending } from './connection/pending.ts'
import { ConnectionError, ServerError, type TarantellaError, UsageError } from './errors.ts'
import { Writer } from './msgpack/writer.ts'
import { duration } from './options.ts'
import { beginRequest, endRequest } from './protocol/header.ts'
import { CallRequest } from './protocol/requests/call.ts'
import { AbortGroups } from './util/abort-groups.ts'
import { thisTurn } from './util/turn.ts'

/** States of the driver in which an answer can come: `CONNECT`, `AWAITING` and `AWAITING_LENGTH`. */
const STATES_WITH_SESSION: ReadonlySet<number | undefined> = new Set([256, 2, 16])
const STATE_CONNECT = 256
const STATE_END = 32

const DEFAULT_TIMEOUT_MS = 30_000
/** What setTimeout takes, 24 days; longer is as good as none. */
const LONGEST_TIMER_MS = 2 ** 31 - 1
const MAX_REQUEST_BYTES = 256 * 1024 * 1024
const FIRST_BYTES = 512

/**
 * A connection of tarantool-driver 3.1. Its `call` sends CALL_16, which wraps every returned value in a tuple
 * so that `return 1` and `return {1}` look the same, and it packs integers from 2^31 on as floats. So the adapter
 * uses what `call` itself is built on: it hands the driver the bytes of a CALL, packed by our encoder.
 */
export interface DriverConnection {
  /** One of the driver's `states`. */
  state?: number
  _getRequestId(): number
  sendCommand(command: [type: number, id: number, settle: DriverSettle], bytes: Buffer): void
  on(event: string, listener: () => void): unknown
  off(event: string, listener: () => void): unknown
}

export interface DriverSettle {
  resolve(value: unknown): void
  reject(reason: unknown): void
}

export interface DriverCallOptions {
  /** Milliseconds from the call until the reply; Infinity for none. @default 30000 */
  readonly timeoutMs?: number | undefined
  /** Its abort rejects the call with the signal's reason; what was sent may be executed all the same. */
  readonly signal?: AbortSignal | undefined
}

export interface DriverCallerEvents {
  connect: []
  disconnect: [error: TarantellaError]
  /** The driver will not connect again by itself. */
  close: []
}

interface Waiting {
  readonly pending: Pending
  readonly timer: NodeJS.Timeout | undefined
  sent: boolean
}

/**
 * Calls functions over an existing connection of tarantool-driver, for moving over step by step: it is what
 * `new Queue(caller)` wants. Other than the driver's own `call`, each promise settles: with what the function
 * returned, as an array of all values; with the server's error; at its time limit; or when the connection is lost.
 *
 * What the driver does to replies stays: integers beyond 2^53 and decimals lose digits, datetimes their
 * nanoseconds and zone, and an error of the server has its text alone (`ER_UNKNOWN`, number 0). A listener for the
 * driver's `error` event is still yours to add. Close the driver itself; then call {@link DriverCaller.release}.
 *
 * @example
 * const caller = new DriverCaller(new TarantoolConnection('app:secret@127.0.0.1:3301'))
 * const [sum] = await caller.call<[number]>('add', [1, 5_000_000_000])
 */
export class DriverCaller extends EventEmitter<DriverCallerEvents> {
  readonly #driver: DriverConnection
  readonly #waiting = new Map<Pending, Waiting>()
  readonly #aborts = new AbortGroups()
  readonly #listeners: readonly (readonly [event: string, listener: () => void])[]
  #isUp: boolean
  #isSending = false

  /** Throws a `UsageError` for what is no connection of tarantool-driver. */
  constructor(driver: DriverConnection) {
    super()
    if (typeof driver.sendCommand !== 'function' || typeof driver._getRequestId !== 'function') {
      throw new UsageError('INVALID_ARGUMENT', 'Expected `driver` to be a connection of tarantool-driver 3.1')
    }
    this.#driver = driver
    this.#isUp = STATES_WITH_SESSION.has(driver.state)
    this.#listeners = [
      ['connect', () => this.#onConnect()],
      ['close', () => this.#onLoss()],
      ['end', () => this.emit('close')],
    ]
    for (const [event, listener] of this.#listeners) driver.on(event, listener)
  }

  /** Calls a function of the server, and gives all that it returns. */
  call<R extends unknown[] = unknown[]>(
    functionName: string,
    args: readonly unknown[] = [],
    options: DriverCallOptions = {},
  ): Promise<R> {
    try {
      const { signal, timeoutMs = DEFAULT_TIMEOUT_MS } = options
      // The signal's own reason, whatever it is.
      if (signal?.aborted === true) return Promise.reject(signal.reason)
      const request = new CallRequest<R>(functionName, args, undefined)
      const pending = new Pending(request, duration('timeoutMs', timeoutMs), thisTurn())
      const id = this.#driver._getRequestId()
      const bytes = encode(request, id)
      if (signal !== undefined) pending.heed(signal, this.#aborts)
      // The caller says what the function returns.
      return this.#send(pending, request.type, id, bytes) as Promise<R>
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Listens to the driver no more, and rejects what is under way with `CONNECTION_CLOSED`. */
  release(): void {
    for (const [event, listener] of this.#listeners) this.#driver.off(event, listener)
    for (const waiting of this.#waiting.values()) {
      waiting.pending.reject(connectionError('CONNECTION_CLOSED', 'The adapter was released', waiting.sent))
    }
  }

  #send(pending: Pending, type: number, id: number, bytes: Buffer): Promise<unknown> {
    const { timeoutMs } = pending
    const isLimited = timeoutMs <= LONGEST_TIMER_MS
    const timer = isLimited ? setTimeout(() => pending.expire(waiting.sent), timeoutMs) : undefined
    // In any other state the driver keeps it until the next session.
    const waiting: Waiting = { pending, timer, sent: this.#driver.state === STATE_CONNECT }
    this.#waiting.set(pending, waiting)
    const settle: DriverSettle = {
      resolve: (value) => pending.resolve(value ?? []),
      reject: (reason) => pending.reject(this.#asError(reason, waiting.sent)),
    }
    this.#isSending = true
    this.#driver.sendCommand([type, id, settle], bytes)
    this.#isSending = false
    return pending.promise.finally(() => {
      clearTimeout(timer)
      this.#waiting.delete(pending)
    })
  }

  #onConnect(): void {
    this.#isUp = true
    for (const waiting of this.#waiting.values()) waiting.sent = true
    this.emit('connect')
  }

  /** Also after a try to connect that failed; then only those wait that were never sent. */
  #onLoss(): void {
    const error = connectionError('CONNECTION_LOST', 'The connection of the driver was lost', true)
    for (const { pending, sent } of this.#waiting.values()) if (sent) pending.reject(error)
    if (!this.#isUp) return
    this.#isUp = false
    this.emit('disconnect', error)
  }

  /** The driver tells the server's errors and its own alike, by a text alone; where it stands tells them apart. */
  #asError(reason: unknown, sent: boolean): TarantellaError {
    const message = reason instanceof Error ? reason.message : String(reason)
    const { state } = this.#driver
    if (state === STATE_END) return connectionError('CONNECTION_CLOSED', message, sent, reason)
    if (this.#isSending || !STATES_WITH_SESSION.has(state)) {
      return connectionError('CONNECTION_LOST', message, sent, reason)
    }
    const frame = { type: 'ClientError', file: '', line: 0, message, errno: 0, number: 0, fields: {} }
    return new ServerError('ER_UNKNOWN', 0, message, [frame], false)
  }
}

function connectionError(
  code: 'CONNECTION_LOST' | 'CONNECTION_CLOSED',
  message: string,
  sent: boolean,
  cause?: unknown,
): ConnectionError {
  return new ConnectionError(code, message, { retryable: !sent, sent, cause })
}

function encode(request: CallRequest<unknown>, id: number): Buffer {
  const writer = new Writer(FIRST_BYTES)
  writer.limit = MAX_REQUEST_BYTES
  const start = beginRequest(writer, request.type, id, 0, 0)
  request.writeBody(writer)
  endRequest(writer, start, MAX_REQUEST_BYTES)
  return writer.buffer.subarray(0, writer.length)
}

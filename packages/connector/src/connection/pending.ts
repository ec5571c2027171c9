import { TimeoutError } from '../errors.ts'
import type { Request } from '../protocol/request.ts'
import type { Abortable, AbortGroups } from '../util/abort-groups.ts'
import type { Moment } from '../util/turn.ts'

/** Whoever keeps a pending request at the moment: a queue, or the table of requests in flight. */
export interface Holder {
  /** The request was settled from outside, by its signal. */
  abandoned(pending: Pending): void
}

/**
 * A request whose promise is given out and not settled yet. It wanders: offline queue, wait for the schema,
 * in flight, back to a queue if its bytes never left. It settles once; a second try is ignored.
 */
export class Pending implements Abortable {
  readonly request: Request
  readonly promise: Promise<unknown>
  readonly timeoutMs: number
  settled = false
  /** Its number while it is in flight. */
  sync = 0
  /** Where its first byte stands in all that the connection writes. */
  position = 0
  /** How often it came back because the schema had changed. */
  resends = 0
  holder: Holder | undefined = undefined
  #resolve!: (value: unknown) => void
  #reject!: (reason: unknown) => void
  readonly #calledAt: Moment
  #signal: AbortSignal | undefined = undefined
  #groups: AbortGroups | undefined = undefined

  constructor(request: Request, timeoutMs: number, calledAt: Moment) {
    this.request = request
    this.timeoutMs = timeoutMs
    this.#calledAt = calledAt
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  /** Milliseconds of `performance.now()`; Infinity for none. May still move with the end of the turn of the call. */
  get expiresAt(): number {
    return this.#calledAt.atMs + this.timeoutMs
  }

  /** Lets `signal` reject it with its own reason, until it settles. The signal must not be aborted yet. */
  heed(signal: AbortSignal, groups: AbortGroups): void {
    this.#signal = signal
    this.#groups = groups
    groups.add(signal, this)
  }

  abort(reason: unknown): void {
    const { holder } = this
    this.reject(reason)
    holder?.abandoned(this)
  }

  /** `sent`: its bytes may have reached the server. */
  expire(sent: boolean): void {
    const after = sent ? 'the server may still execute it' : 'it was never sent'
    const message = `No reply within ${this.timeoutMs} ms; ${after}`
    this.reject(new TimeoutError('REQUEST_TIMEOUT', message, { retryable: !sent, sent }))
  }

  resolve(value: unknown): void {
    if (this.settled) return
    this.#settle()
    this.#resolve(value)
  }

  reject(reason: unknown): void {
    if (this.settled) return
    this.#settle()
    this.#reject(reason)
  }

  #settle(): void {
    this.settled = true
    if (this.#signal === undefined) return
    this.#groups?.remove(this.#signal, this)
    this.#signal = undefined
  }
}

import type { Holder, Pending } from '../connection/pending.ts'
import { ConnectionError } from '../errors.ts'
import { Alarm } from '../util/alarm.ts'

/**
 * Requests that cannot be sent yet, for there is no connection or their space is being looked up: first come,
 * first served, bounded, and each leaves when its deadline passes or its signal aborts.
 */
export class OfflineQueue implements Holder {
  readonly #max: number
  readonly #whenFull: string
  /** A Set keeps the order of arrival and forgets an aborted request at no cost. */
  readonly #waiting = new Set<Pending>()
  readonly #alarm: Alarm

  /** `whenFull` is the text of the error that requests beyond `max` reject with. */
  constructor(max: number, whenFull: string) {
    this.#max = max
    this.#whenFull = whenFull
    this.#alarm = new Alarm((nowMs) => this.#expire(nowMs))
  }

  get size(): number {
    return this.#waiting.size
  }

  /** The one that has waited longest. */
  get first(): Pending | undefined {
    return this.#waiting.values().next().value
  }

  /** Rejects the request with `OVERLOADED` if there is no place. */
  add(pending: Pending): void {
    if (pending.settled) return
    if (this.#waiting.size < this.#max) this.readmit(pending)
    else pending.reject(new ConnectionError('OVERLOADED', this.#whenFull, { retryable: true, sent: false }))
  }

  /** Takes back a request that had been let in before: the bound does not count for it. */
  readmit(pending: Pending): void {
    if (pending.settled) return
    pending.holder = this
    this.#waiting.add(pending)
    if (pending.expiresAt !== Number.POSITIVE_INFINITY) this.#alarm.arm(pending.expiresAt)
  }

  /** Empties the queue; returns what was in it, in order. */
  clear(): Pending[] {
    this.#alarm.disarm()
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const pending of waiting) pending.holder = undefined
    return waiting
  }

  /** Takes one out, for the caller to see to it; false if it is not there. */
  remove(pending: Pending): boolean {
    if (!this.#waiting.delete(pending)) return false
    pending.holder = undefined
    return true
  }

  abandoned(pending: Pending): void {
    this.#waiting.delete(pending)
  }

  #expire(nowMs: number): number {
    let next = Number.POSITIVE_INFINITY
    for (const pending of this.#waiting) {
      if (pending.expiresAt > nowMs) next = Math.min(next, pending.expiresAt)
      else {
        this.#waiting.delete(pending)
        pending.expire(false)
      }
    }
    return next
  }
}

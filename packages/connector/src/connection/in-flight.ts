import { ConnectionError } from '../errors.ts'
import { Alarm } from '../util/alarm.ts'
import type { Holder, Pending } from './pending.ts'

/** Slots to begin with; the table doubles while more than half of it is in use. */
const FIRST_SLOTS = 256
/** `sync` goes out in 32 bits; 0 is the server's number for an error that belongs to no request. */
const MAX_SYNC = 0xffff_ffff

/**
 * Requests that wait for their reply, by `sync & mask`. A slot stays taken until the reply comes, also when
 * the request has timed out or was aborted: such a tombstone swallows the late reply, and its number is not
 * used again before. An occupied slot is skipped, so a slow request costs the others one comparison a turn.
 *
 * ```
 * sync    …  1021  1022  1023  1024  1025
 * slot       1021  1022  1023     0     1      (1024 slots)
 *             |     |     |      |     free
 *          pending  |  pending  tombstone
 *                 free
 * ```
 */
export class InFlight implements Holder {
  readonly #max: number
  readonly #isSent: (pending: Pending) => boolean
  readonly #onLess: () => void
  readonly #alarm: Alarm
  #slots: (Pending | undefined)[] = new Array<Pending | undefined>(FIRST_SLOTS).fill(undefined)
  #mask = FIRST_SLOTS - 1
  #next = 1
  #occupied = 0
  #tombstones = 0

  /** `isSent` says whether a request's bytes have left; `onLess` hears that one fewer is waited for. */
  constructor(max: number, isSent: (pending: Pending) => boolean, onLess: () => void) {
    this.#max = max
    this.#isSent = isSent
    this.#onLess = onLess
    this.#alarm = new Alarm((nowMs) => this.#expire(nowMs))
  }

  /** How many requests somebody waits for. */
  get size(): number {
    return this.#occupied - this.#tombstones
  }

  /** How many replies the server owes, those that nobody waits for included. */
  get occupied(): number {
    return this.#occupied
  }

  /** Refuses, before anything was written, if there are too many. */
  assertRoom(): void {
    if (this.#occupied < this.#max) return
    throw new ConnectionError('OVERLOADED', `${this.#max} requests are in flight (\`maxInFlight\`)`, {
      retryable: true,
      sent: false,
    })
  }

  /** The number for the next request; {@link add} takes it. */
  nextSync(): number {
    let sync = this.#next
    while (this.#slots[sync & this.#mask] !== undefined) sync = sync === MAX_SYNC ? 1 : sync + 1
    return sync
  }

  add(pending: Pending, sync: number): void {
    pending.sync = sync
    pending.holder = this
    this.#slots[sync & this.#mask] = pending
    this.#next = sync === MAX_SYNC ? 1 : sync + 1
    this.#occupied++
    if (this.#occupied * 2 > this.#slots.length) this.#grow()
    if (pending.expiresAt !== Number.POSITIVE_INFINITY) this.#alarm.arm(pending.expiresAt)
  }

  /** Takes the request that a reply is for out of the table; a settled one is a tombstone. Undefined: nobody asked. */
  take(sync: number): Pending | undefined {
    const slot = sync & this.#mask
    const pending = this.#slots[slot]
    if (pending?.sync !== sync) return undefined
    this.#slots[slot] = undefined
    this.#occupied--
    if (pending.settled) this.#tombstones--
    pending.holder = undefined
    return pending
  }

  /** The request that a reply is for, which stays in the table. */
  peek(sync: number): Pending | undefined {
    const pending = this.#slots[sync & this.#mask]
    return pending?.sync === sync ? pending : undefined
  }

  /** Empties the table; returns what is not settled, in the order of sending. */
  clear(): Pending[] {
    this.#alarm.disarm()
    const left = this.#slots.filter((pending) => pending !== undefined && !pending.settled)
    this.#slots = []
    this.#occupied = 0
    this.#tombstones = 0
    // The filter above has left no undefined.
    const pendings = left as Pending[]
    for (const pending of pendings) pending.holder = undefined
    return pendings.sort((a, b) => a.position - b.position)
  }

  abandoned(): void {
    this.#tombstones++
    this.#onLess()
  }

  #expire(nowMs: number): number {
    let next = Number.POSITIVE_INFINITY
    for (const pending of this.#slots) {
      if (pending === undefined || pending.settled) continue
      if (pending.expiresAt > nowMs) next = Math.min(next, pending.expiresAt)
      else {
        pending.expire(this.#isSent(pending))
        this.#tombstones++
      }
    }
    this.#onLess()
    return next
  }

  #grow(): void {
    const size = this.#slots.length * 2
    const slots = new Array<Pending | undefined>(size).fill(undefined)
    // Numbers that differ in their lower bits still do when one more bit counts.
    for (const pending of this.#slots) if (pending !== undefined) slots[pending.sync & (size - 1)] = pending
    this.#slots = slots
    this.#mask = size - 1
  }
}

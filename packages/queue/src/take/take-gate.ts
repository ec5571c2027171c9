import { QueueError } from '../errors.ts'
import type { Clock } from '../ports.ts'
import type { QueueServer } from '../wire/server.ts'
import type { Delivery } from '../wire/task-tuple.ts'
import { Departures } from './departures.ts'
import { giveBack } from './give-back.ts'

/** One `take()` that waits for a task. */
interface Taker {
  /** On the gate's clock, ms; `Infinity` for a take without a time limit. */
  readonly deadline: number
  readonly resolve: (delivery: Delivery | undefined) => void
  readonly reject: (error: unknown) => void
}

/** A `take_many` at the server. */
interface TakeCall {
  readonly key: number
  /** Takers it was sent for: it brings at most so many tasks. */
  readonly wanted: number
  isCancelled: boolean
}

export interface TakeGateOptions {
  readonly tube: string
  readonly server: QueueServer
  readonly clock: Clock
  /** Gives a key that no other waiting take of this connection has. */
  readonly nextKey: () => number
  /** Tasks asked for in one call at most. */
  readonly maxBatch: number
}

/** Waiting calls at the server per tube at most; takers beyond wait here and join the next call. */
const MAX_CALLS = 4

/** A call that ends this close before a taker's deadline has served it: clocks differ, requests take time. */
const DEADLINE_SLACK_MS = 2

/**
 * Turns the `take()` calls of one tube into few waiting calls at the server, and hands the
 * tasks out first come, first served.
 *
 * What must hold: the takers are never fewer than the tasks that the calls under way may
 * bring, or the surplus calls are being cancelled; and a task that arrives when nobody
 * waits for it any more goes straight back to the server.
 */
export class TakeGate {
  readonly #options: TakeGateOptions
  readonly #takers = new Set<Taker>()
  readonly #calls = new Set<TakeCall>()
  readonly #departures = new Departures()
  #isScheduled = false
  #isClosed = false

  constructor(options: TakeGateOptions) {
    this.#options = options
  }

  /** Resolves with a task, or with `undefined` when `seconds` have passed. */
  take(seconds: number, signal?: AbortSignal): Promise<Delivery | undefined> {
    if (signal?.aborted === true) return Promise.reject(signal.reason)
    if (this.#isClosed) return Promise.reject(closed())
    return new Promise((resolve, reject) => {
      const taker: Taker = { deadline: this.#options.clock.now() + seconds * 1000, resolve, reject }
      this.#takers.add(signal === undefined ? taker : this.#abortable(taker, signal))
      this.#schedule()
    })
  }

  /** Refuses everybody who waits and calls back what is under way. */
  close(): void {
    this.#isClosed = true
    for (const taker of this.#takers) taker.reject(closed())
    this.#takers.clear()
    this.#cancelSurplus()
  }

  /** The same taker, which leaves when the signal aborts; the listener goes when it is served. */
  #abortable(taker: Taker, signal: AbortSignal): Taker {
    const leave = (): void => {
      this.#takers.delete(watched)
      taker.reject(signal.reason)
      this.#cancelSurplus()
    }
    const unwatch = this.#departures.watch(signal, leave)
    const watched: Taker = {
      deadline: taker.deadline,
      resolve: (delivery) => {
        unwatch()
        taker.resolve(delivery)
      },
      reject: (error) => {
        unwatch()
        taker.reject(error)
      },
    }
    return watched
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      this.#fetch()
    })
  }

  /** Sends one call for the takers that no call under way is for. */
  #fetch(): void {
    const uncovered = this.#takers.size - this.#coming()
    if (uncovered <= 0) return
    if (this.#calls.size >= MAX_CALLS) {
      // Called back, they return at once, and one call for all takers follows.
      this.#cancel(Number.POSITIVE_INFINITY)
      return
    }
    const wanted = Math.min(uncovered, this.#options.maxBatch)
    const call: TakeCall = { key: this.#options.nextKey(), wanted, isCancelled: false }
    this.#calls.add(call)
    void this.#run(call, this.#secondsToNearestDeadline())
    if (this.#takers.size > this.#coming()) this.#fetch()
  }

  /** Tasks that the calls under way may bring. */
  #coming(): number {
    let coming = 0
    for (const call of this.#calls) if (!call.isCancelled) coming += call.wanted
    return coming
  }

  #secondsToNearestDeadline(): number {
    let nearest = Number.POSITIVE_INFINITY
    for (const taker of this.#takers) nearest = Math.min(nearest, taker.deadline)
    return Math.max(0, (nearest - this.#options.clock.now()) / 1000)
  }

  /** Never rejects: a failure goes to the takers the call was for. */
  async #run(call: TakeCall, seconds: number): Promise<void> {
    const { server, tube } = this.#options
    try {
      const deliveries = await server.takeMany(tube, call.wanted, seconds, call.key)
      this.#calls.delete(call)
      this.#handOut(deliveries)
      this.#expire()
    } catch (error) {
      this.#calls.delete(call)
      this.#fail(call.wanted, error)
    }
    if (this.#takers.size > 0) this.#schedule()
  }

  #handOut(deliveries: readonly Delivery[]): void {
    const takers = this.#takers.values()
    const surplus: Delivery[] = []
    for (const delivery of deliveries) {
      const taker = takers.next().value
      if (taker === undefined) {
        surplus.push(delivery)
        continue
      }
      this.#takers.delete(taker)
      taker.resolve(delivery)
    }
    if (surplus.length > 0) void giveBack(this.#options.server, this.#options.tube, surplus)
  }

  /** Takers whose time is over have waited at the server as long as they asked for. */
  #expire(): void {
    const now = this.#options.clock.now() + DEADLINE_SLACK_MS
    for (const taker of this.#takers) {
      if (taker.deadline > now) continue
      this.#takers.delete(taker)
      taker.resolve(undefined)
    }
    this.#cancelSurplus()
  }

  #fail(count: number, error: unknown): void {
    let left = count
    for (const taker of this.#takers) {
      if (left === 0) break
      left -= 1
      this.#takers.delete(taker)
      taker.reject(error)
    }
  }

  /** Calls back what would bring more tasks than are wanted. */
  #cancelSurplus(): void {
    this.#cancel(this.#coming() - this.#takers.size)
    if (this.#takers.size > this.#coming()) this.#schedule()
  }

  /** Tells the server to end waiting calls, until `surplus` tasks fewer are to come. */
  #cancel(surplus: number): void {
    let left = surplus
    for (const call of this.#calls) {
      if (left <= 0) return
      if (call.isCancelled) continue
      call.isCancelled = true
      left -= call.wanted
      // If this request fails the call it is about fails with it, or ends at its own time limit; what it brings goes back.
      this.#options.server.cancelTake(this.#options.tube, call.key).catch(() => undefined)
    }
  }
}

function closed(): QueueError {
  return new QueueError('QUEUE_CLOSED', 'The queue client was closed while this take waited')
}

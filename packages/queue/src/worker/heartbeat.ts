import { isPassing, QueueError } from '../errors.ts'
import type { Clock } from '../ports.ts'
import { Countdown } from './countdown.ts'

/** What a heartbeat needs to know of a task that is held. */
export interface Leased {
  readonly task: { readonly id: number; readonly isSettled: boolean }
  readonly token: number
}

export interface HeartbeatOptions<Item extends Leased> {
  /** Seconds of a lease: the tasks' ttr. */
  readonly ttr: number
  readonly clock: Clock
  /** Prolongs the lease by `seconds`; calls of one turn travel together. */
  readonly touch: (item: Item, seconds: number) => Promise<unknown>
  /** The task is somebody else's now, or was not prolonged in time. The item is dropped already. */
  readonly lost: (item: Item, error: QueueError) => void
  /** A touch was refused for good: there are no more beats. */
  readonly refused: (error: unknown) => void
}

/** Touches in each ttr: two may fail or be late before a lease is lost. */
const BEATS_PER_TTR = 3

/** Where an item's lease stands. */
interface Beat {
  /** The lease lasts a ttr from here, on the clock, ms. */
  since: number
  isTouching: boolean
  /** The server may have ended the lease with the last session: the next touch starts one of full length. */
  isDoubtful: boolean
  /** A new session, or the next beat, came while a touch was under way. */
  isAgainDue: boolean
  /** Why the last touch failed, `undefined` if it did not. */
  failure: unknown
}

/**
 * Keeps the leases of the tasks a worker holds, those that wait for a handler too. A touch adds to
 * what is left of a lease, so each one adds the time since the last, and a lease is never longer
 * than a ttr after it, however many follow.
 */
export class Heartbeat<Item extends Leased> {
  readonly #options: HeartbeatOptions<Item>
  readonly #beats = new Map<Item, Beat>()
  readonly #countdown: Countdown<Item>
  #isOff = false

  constructor(options: HeartbeatOptions<Item>) {
    this.#options = options
    this.#countdown = new Countdown((options.ttr * 1000) / BEATS_PER_TTR, options.clock, (item) => {
      this.#onDue(item)
    })
  }

  /** A task has come. */
  hold(item: Item): void {
    if (this.#isOff) return
    this.#beats.set(item, {
      since: this.#options.clock.now(),
      isTouching: false,
      isDoubtful: false,
      isAgainDue: false,
      failure: undefined,
    })
    this.#countdown.add(item)
  }

  /** Its outcome is confirmed. */
  drop(item: Item): void {
    this.#beats.delete(item)
    this.#countdown.delete(item)
  }

  /** After a reconnect: asks at once which leases still stand, and takes up those that nobody was given since. */
  renew(): void {
    for (const [item, beat] of this.#beats) {
      beat.isDoubtful = true
      this.#beat(item, beat)
    }
  }

  stop(): void {
    this.#isOff = true
    this.#beats.clear()
    this.#countdown.stop()
  }

  #onDue(item: Item): void {
    const beat = this.#beats.get(item)
    if (beat === undefined) return
    if (this.#options.clock.now() - beat.since >= this.#options.ttr * 1000 && !item.task.isSettled) {
      this.#lose(
        item,
        `The lease of task ${item.task.id} ended: no touch was confirmed for ${this.#options.ttr} s`,
        beat.failure,
      )
      return
    }
    this.#countdown.add(item)
    this.#beat(item, beat)
  }

  #beat(item: Item, beat: Beat): void {
    if (beat.isTouching) beat.isAgainDue = true
    else void this.#touch(item, beat)
  }

  /** Never rejects. */
  async #touch(item: Item, beat: Beat): Promise<void> {
    // Its outcome is on its way; if that fails, the next beat finds it held again.
    if (item.task.isSettled) return
    const { clock, ttr, touch } = this.#options
    const now = clock.now()
    const seconds = beat.isDoubtful ? ttr : (now - beat.since) / 1000
    beat.isTouching = true
    beat.isDoubtful = false
    try {
      await touch(item, seconds)
      beat.since = now
      beat.failure = undefined
    } catch (error) {
      // If the connection went with it, the lease may have gone, too.
      if (!(error instanceof QueueError)) beat.isDoubtful = true
      beat.failure = error
      this.#onRefused(item, error)
    }
    beat.isTouching = false
    if (!beat.isAgainDue || this.#beats.get(item) !== beat) return
    beat.isAgainDue = false
    void this.#touch(item, beat)
  }

  #onRefused(item: Item, error: unknown): void {
    if (!this.#beats.has(item) || item.task.isSettled) return
    if (error instanceof QueueError && (error.code === 'TASK_NOT_TAKEN' || error.code === 'TASK_NOT_FOUND')) {
      this.#lose(item, `The lease of task ${item.task.id} is lost: it is another's, or gone`, error)
      return
    }
    // What passes is tried again by the next beat, and told of only if the lease is lost by it.
    if (isPassing(error)) return
    // A type of tube without touch, or no right to it: then there is nothing that a beat could do.
    this.stop()
    this.#options.refused(error)
  }

  #lose(item: Item, text: string, cause?: unknown): void {
    this.drop(item)
    this.#options.lost(item, new QueueError('LEASE_LOST', text, { cause }))
  }
}

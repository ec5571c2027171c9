import type { Clock } from '../ports.ts'
import { ABORT_GRACE_MS } from './watch.ts'

/** Options of a worker's and a queue's close(). */
export interface CloseOptions {
  /** Milliseconds that running handlers have to end by themselves. @default 30 000 */
  readonly graceMs?: number
}

/** What a worker does while it closes; each step once, in this order. */
export interface ShutdownSteps {
  readonly clock: Clock
  /** Takes nothing more, gives back what has not started. */
  readonly stopTaking: () => Promise<void>
  /** Resolves when nothing is held. */
  readonly onIdle: () => Promise<void>
  /** Tells running handlers to stop, with the text of the reason. */
  readonly abort: (text: string) => void
  /** Releases the tasks of handlers that go on. */
  readonly release: () => Promise<void>
  /** Nothing is left to do. */
  readonly end: () => void
}

/** Milliseconds for the requests of the first and the last step: without them the server ends the leases itself. */
const REQUEST_MS = 5000

/**
 * Closes a worker in steps, each with its limit:
 *
 *   stop taking (5 s) ──> drain (graceMs) ──> abort (1 s) ──> release (5 s)
 *                           └──────────────────┴──nothing held any more──> done
 */
export class Shutdown {
  readonly #steps: ShutdownSteps
  readonly #done = new AbortController()
  /** Aborts when the shortest grace time that was asked for is over. */
  readonly #hurry = new AbortController()
  #closing: Promise<void> | undefined

  constructor(steps: ShutdownSteps) {
    this.#steps = steps
  }

  /** A second call joins the first; the grace time that ends first counts. */
  close(graceMs: number): Promise<void> {
    if (!this.#done.signal.aborted) void this.#limitGrace(graceMs)
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const { stopTaking, onIdle, abort, release, end } = this.#steps
    await this.#within(REQUEST_MS, stopTaking())
    const idle = onIdle()
    if (!(await this.#untilHurry(idle))) {
      abort('The worker was closed, and its handlers did not end within their grace time')
      if (!(await this.#within(ABORT_GRACE_MS, idle))) await this.#within(REQUEST_MS, release())
    }
    this.#done.abort()
    end()
  }

  async #limitGrace(graceMs: number): Promise<void> {
    await this.#steps.clock.sleep(graceMs, this.#done.signal)
    this.#hurry.abort()
  }

  /** Whether the promise settled before the grace time was over. */
  #untilHurry(promise: Promise<void>): Promise<boolean> {
    const { signal } = this.#hurry
    const over = new Promise<boolean>((resolve) => {
      if (signal.aborted) resolve(false)
      else
        signal.addEventListener('abort', () => {
          resolve(false)
        })
    })
    return Promise.race([promise.then(() => true), over])
  }

  /** Whether the promise settled within `ms`. */
  async #within(ms: number, promise: Promise<void>): Promise<boolean> {
    const done = new AbortController()
    const sleep = this.#steps.clock.sleep(ms, done.signal).then(() => false)
    try {
      return await Promise.race([promise.then(() => true), sleep])
    } finally {
      done.abort()
    }
  }
}

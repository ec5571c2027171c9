import { type CallOptions, systemClock } from '../ports.ts'
import { toPlainError } from './plain-errors.ts'

type CallTube = (tube: string, method: string, args: readonly unknown[], options?: CallOptions) => Promise<unknown[]>

/**
 * A take cannot be called back there, so it waits for this long and is asked again: what a task may be held up
 * that comes for a take which was called back, and how often an idle worker asks.
 */
const SLICE_S = 1
/** Milliseconds that an answer may be late. */
const MARGIN_MS = 10_000
/** There are no tokens; the functions that want one get this. */
const NO_TOKEN = 0
/** Of takes that do not wait, on their way at a time; each that brings nothing is for nothing. */
const MAX_AT_ONCE = 64

/** `take_many` by single takes. */
export class PlainTakes {
  readonly #call: CallTube
  /** Ends of takes that wait, by their keys. */
  readonly #waiting = new Map<unknown, () => void>()

  constructor(call: CallTube) {
    this.#call = call
  }

  /** `args` are `n, seconds | null, {key}`; gives deliveries `[id, 't', data, token]`. */
  async take(tube: string, args: readonly unknown[]): Promise<unknown[][]> {
    // As wire/server.ts sends them.
    const [n, seconds, { key }] = args as [number, number | null, { readonly key: unknown }]
    const first = await this.#takeFirst(tube, seconds ?? Number.POSITIVE_INFINITY, key)
    if (first === undefined) return []
    const taken = [first]
    // As many more as there were so far: one that waits alone costs one take for nothing.
    while (taken.length < n) {
      const wanted = Math.min(taken.length, n - taken.length, MAX_AT_ONCE)
      const more = await Promise.allSettled(Array.from({ length: wanted }, () => this.#takeOne(tube, 0)))
      // What came is given out, even if another of these takes has failed.
      const came = more.flatMap((result) => (result.status === 'fulfilled' && result.value ? [result.value] : []))
      taken.push(...came)
      if (came.length < wanted) break
    }
    return taken
  }

  /** The take with this key answers at once; a task that comes for it all the same is released. */
  cancel(key: unknown): void {
    this.#waiting.get(key)?.()
  }

  async #takeFirst(tube: string, seconds: number, key: unknown): Promise<unknown[] | undefined> {
    const state = { isCancelled: false }
    const cancelled = new Promise<undefined>((resolve) => {
      this.#waiting.set(key, () => {
        state.isCancelled = true
        resolve(undefined)
      })
    })
    try {
      return await Promise.race([this.#takeInSlices(tube, seconds, state), cancelled])
    } finally {
      this.#waiting.delete(key)
    }
  }

  async #takeInSlices(
    tube: string,
    seconds: number,
    state: { readonly isCancelled: boolean },
  ): Promise<unknown[] | undefined> {
    const deadline = performance.now() + seconds * 1000
    for (;;) {
      const asked = performance.now()
      const left = Math.max(0, (deadline - asked) / 1000)
      const slice = Math.min(left, SLICE_S)
      const task = await this.#takeOne(tube, slice)
      if (task !== undefined && state.isCancelled) await this.#giveBack(tube, task)
      if (task !== undefined || state.isCancelled) return task
      // A queue that is not RUNNING does not wait.
      await systemClock.sleep(slice * 1000 - (performance.now() - asked))
      if (left <= SLICE_S) return undefined
    }
  }

  /** Nobody waits for it any more. */
  async #giveBack(tube: string, [id]: readonly unknown[]): Promise<void> {
    try {
      await this.#call(tube, 'release', [id])
    } catch {
      // Only a lost connection gets here, and with it the server has released the session's tasks.
    }
  }

  /** `[]` at the timeout, and `[nil]` when the queue is not RUNNING. */
  async #takeOne(tube: string, seconds: number): Promise<unknown[] | undefined> {
    try {
      const [tuple] = await this.#call(tube, 'take', [seconds], { timeoutMs: seconds * 1000 + MARGIN_MS })
      if (!Array.isArray(tuple)) return undefined
      const row: readonly unknown[] = tuple
      return [...row.slice(0, 3), NO_TOKEN]
    } catch (error) {
      throw toPlainError(error, tube)
    }
  }
}

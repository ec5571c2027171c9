import type { Caller, CallerEvent, CallOptions } from '../ports.ts'
import { overTarantoolQueue } from './over-tarantool-queue.ts'
import { isMissing } from './plain-errors.ts'

/** Functions that every Tarantella server has and tarantool/queue has not: one that is missing tells them apart. */
const BATCHES: ReadonlySet<string> = new Set(
  'put_many take_many ack_many release_many bury_many touch_many delete_many cancel_take'
    .split(' ')
    .map((name) => `queue.${name}`),
)

/**
 * A caller that falls back to tarantool/queue's own functions where the server has those and no batches. A server that
 * has neither, or whose user may not ask, refuses as before. The refused call was not executed, so it is made anew.
 */
export class FoundOut implements Caller {
  readonly #caller: Caller
  /** Holds for good once it is tarantool/queue: its functions are there whatever server comes after a reconnect. */
  #plain: Promise<Caller | undefined> | undefined

  constructor(caller: Caller) {
    this.#caller = caller
  }

  on(event: CallerEvent, listener: () => void): this {
    this.#caller.on(event, listener)
    return this
  }

  off(event: CallerEvent, listener: () => void): this {
    this.#caller.off(event, listener)
    return this
  }

  async call(fn: string, args: readonly unknown[], options?: CallOptions): Promise<unknown[]> {
    if (this.#plain !== undefined) {
      const plain = await this.#plain
      if (plain !== undefined) return await plain.call(fn, args, options)
    }
    try {
      return await this.#caller.call(fn, args, options)
    } catch (error) {
      if (!BATCHES.has(fn) || !isMissing(error)) throw error
      this.#plain ??= this.#ask()
      const plain = await this.#plain
      if (plain === undefined) throw error
      return await plain.call(fn, args, options)
    }
  }

  async #ask(): Promise<Caller | undefined> {
    try {
      await this.#caller.call('queue.statistics', [])
      return overTarantoolQueue(this.#caller)
    } catch {
      // What it lacks or refuses is told by the call that was made; the next one may ask again.
      this.#plain = undefined
      return undefined
    }
  }
}

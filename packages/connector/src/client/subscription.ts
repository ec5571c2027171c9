import { type TarantellaError, UsageError } from '../errors.ts'
import { show } from '../options.ts'
import { surface } from '../util/surface.ts'
import type { Watchers } from './watchers.ts'

/** One watcher of a key; see `Client.watch`. */
export class Subscription implements Disposable {
  readonly key: string
  readonly #remove: () => void

  /** Made by `Client.watch`. */
  constructor(watchers: Watchers, key: string, callback: (value: never) => void | Promise<void>) {
    if (typeof callback !== 'function') {
      throw new UsageError('INVALID_ARGUMENT', `Expected \`callback\` to be a function, got ${show(callback)}`)
    }
    this.key = key
    this.#remove = watchers.add(key, {
      // What the key's values are is the caller's claim.
      value: (value) => callback(value as never),
      failed: surface,
      ended: () => undefined,
    })
  }

  /** From here on the callback is not called. A second call changes nothing. */
  unregister(): void {
    this.#remove()
  }

  [Symbol.dispose](): void {
    this.unregister()
  }
}

interface Waiter<V> {
  resolve(result: IteratorResult<V, undefined>): void
  reject(error: unknown): void
}

/**
 * The values of a key, for `for await`. It subscribes at the first `next()`. Only the latest value is kept for a
 * consumer that is busy. It ends when the client is closed, and throws if that has an error or the signal aborts.
 */
export class KeyValues<V> implements AsyncIterableIterator<V, undefined> {
  readonly #watchers: Watchers
  readonly #key: string
  readonly #signal: AbortSignal | undefined
  readonly #onAbort: () => void
  readonly #waiters: Waiter<V>[] = []
  #remove: (() => void) | undefined
  #latest: { readonly value: V } | undefined
  /** What is to be thrown once, when nobody waited for it. */
  #failure: { readonly error: unknown } | undefined
  #isOver = false

  /** Made by `Client.events`. */
  constructor(watchers: Watchers, key: string, signal: AbortSignal | undefined) {
    this.#watchers = watchers
    this.#key = key
    this.#signal = signal
    this.#onAbort = () => this.#fail(signal?.reason)
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<V, undefined>> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject })
      try {
        this.#begin()
      } catch (error) {
        this.#fail(error)
      }
      this.#serve()
    })
  }

  return(): Promise<IteratorResult<V, undefined>> {
    this.#finish()
    return Promise.resolve({ value: undefined, done: true })
  }

  #begin(): void {
    if (this.#isOver || this.#remove !== undefined) return
    const signal = this.#signal
    // The signal's own reason, whatever it is.
    if (signal?.aborted === true) throw signal.reason
    this.#remove = this.#watchers.add(this.#key, {
      value: (value) => {
        // What the key's values are is the caller's claim.
        this.#latest = { value: value as V }
        this.#serve()
      },
      failed: (error) => this.#fail(error),
      ended: (error: TarantellaError | undefined) => (error === undefined ? this.#finish() : this.#fail(error)),
    })
    signal?.addEventListener('abort', this.#onAbort, { once: true })
  }

  #serve(): void {
    for (let waiter = this.#waiters[0]; waiter !== undefined; waiter = this.#waiters[0]) {
      if (this.#failure !== undefined) {
        waiter.reject(this.#failure.error)
        this.#failure = undefined
      } else if (this.#isOver) waiter.resolve({ value: undefined, done: true })
      else if (this.#latest !== undefined) {
        waiter.resolve({ value: this.#latest.value, done: false })
        this.#latest = undefined
      } else return
      this.#waiters.shift()
    }
  }

  #fail(error: unknown): void {
    if (this.#isOver) return
    this.#failure = { error }
    this.#finish()
  }

  #finish(): void {
    this.#isOver = true
    this.#latest = undefined
    this.#signal?.removeEventListener('abort', this.#onAbort)
    this.#remove?.()
    this.#serve()
  }
}

import { type Deferred, deferred } from './deferred.ts'

/** Counts bytes, and tells when a number is reached. */
export class ByteCounter {
  #count = 0
  #closed = false
  readonly #waiters = new Map<number, Deferred<void>>()

  get count(): number {
    return this.#count
  }

  add(bytes: number): void {
    this.#count += bytes
    for (const [wanted, waiter] of this.#waiters) {
      if (wanted > this.#count) continue
      waiter.resolve()
      this.#waiters.delete(wanted)
    }
  }

  /** Resolves at so many bytes; rejects if the counter is closed before. */
  reached(bytes: number): Promise<void> {
    if (this.#count >= bytes) return Promise.resolve()
    if (this.#closed) return Promise.reject(this.#tooFew(bytes))
    const waiter = this.#waiters.get(bytes) ?? deferred()
    this.#waiters.set(bytes, waiter)
    return waiter.promise
  }

  close(): void {
    this.#closed = true
    for (const [wanted, waiter] of this.#waiters) waiter.reject(this.#tooFew(wanted))
    this.#waiters.clear()
  }

  #tooFew(wanted: number): Error {
    return new Error(`The connection ended after ${this.#count} bytes, of ${wanted} that were waited for`)
  }
}

import { EventEmitter } from 'node:events'
import type { Caller, Clock } from '../src/ports.ts'

/** A call that waits for the test's answer. */
export interface FakeCall {
  readonly fn: string
  readonly args: readonly unknown[]
  readonly timeoutMs: number | undefined
  /** Settles the call with the return values of the server's function. */
  answer(...values: unknown[]): void
  fail(error: unknown): void
}

/** A connection whose server is the test. */
export class FakeCaller extends EventEmitter implements Caller {
  /** All calls so far, in order, but for those that `answers` has. */
  readonly calls: FakeCall[] = []
  /** What functions answer at once that a test does not want to see; an Error is their failure. */
  readonly answers = new Map<string, unknown>()
  #seen = 0
  #wake: (() => void) | undefined

  call(fn: string, args: readonly unknown[], options?: { timeoutMs?: number }): Promise<unknown[]> {
    if (this.answers.has(fn)) {
      const answer = this.answers.get(fn)
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve([answer])
    }
    return new Promise((resolve, reject) => {
      this.calls.push({ fn, args, timeoutMs: options?.timeoutMs, answer: (...values) => resolve(values), fail: reject })
      this.#wake?.()
    })
  }

  /** The next call that the test has not seen; waits for it. */
  async next(fn?: string): Promise<FakeCall> {
    for (;;) {
      const call = this.calls[this.#seen]
      if (call !== undefined) {
        this.#seen += 1
        if (fn !== undefined && call.fn !== fn) throw new Error(`Expected a call of ${fn}, got ${call.fn}`)
        return call
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  /** Calls made that the test has not asked for. */
  get unseen(): string[] {
    return this.calls.slice(this.#seen).map((call) => call.fn)
  }
}

/** A clock that stands until the test moves it. */
export class FakeClock implements Clock {
  #now = 0
  #sleepers = new Set<{ until: number; wake: () => void }>()

  now(): number {
    return this.#now
  }

  get sleeping(): number {
    return this.#sleepers.size
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const sleeper = {
        until: this.#now + ms,
        wake: () => {
          this.#sleepers.delete(sleeper)
          signal?.removeEventListener('abort', sleeper.wake)
          resolve()
        },
      }
      this.#sleepers.add(sleeper)
      signal?.addEventListener('abort', sleeper.wake, { once: true })
      if (signal?.aborted === true) sleeper.wake()
    })
  }

  advance(ms: number): void {
    this.#now += ms
    for (const sleeper of this.#sleepers) if (sleeper.until <= this.#now) sleeper.wake()
  }
}

/** Lets everything that is ready to run, run: several turns of the event loop. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 5; i += 1) await new Promise((resolve) => setImmediate(resolve))
}

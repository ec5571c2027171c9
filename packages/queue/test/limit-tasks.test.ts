import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { Limiter, limitTasks, type RateLimiter, Zone } from '../src/limits.ts'
import { Task, type TaskHome } from '../src/task.ts'
import { Again } from '../src/worker/outcome.ts'
import { FakeClock } from './fake-caller.ts'

/** A tube with delays, in memory: due tasks by the time they are due, then by id. */
class FakeTube implements TaskHome {
  readonly name = 'push'
  readonly delays: number[] = []
  readonly #clock: FakeClock
  #waiting: { id: number; dueMs: number }[] = []

  constructor(clock: FakeClock) {
    this.#clock = clock
  }

  get length(): number {
    return this.#waiting.length
  }

  put(id: number, delayMs = 0): void {
    this.#waiting.push({ id, dueMs: this.#clock.now() + delayMs })
    this.#waiting.sort((a, b) => a.dueMs - b.dueMs || a.id - b.id)
  }

  /** The next task, at the time when it is due. */
  take(): Task<number> | undefined {
    const next = this.#waiting.shift()
    if (next === undefined) return undefined
    this.#clock.advance(Math.max(0, next.dueMs - this.#clock.now()))
    return new Task<number>(this, { id: next.id, state: 'taken', data: next.id, token: 1 })
  }

  /** What a worker does with the answer of a handler of ours. */
  release(id: number, answer: unknown): void {
    if (!(answer instanceof Again)) return
    expect(answer.keepsAttempts).toBe(true)
    this.delays.push(answer.delay)
    this.put(id, answer.delay * 1000)
  }

  settle(): never {
    throw new Error('Unexpected call')
  }

  note(): Promise<never> {
    throw new Error('not of this test')
  }

  peek(): never {
    throw new Error('Unexpected peek')
  }
}

interface Setting {
  readonly rate: number
  readonly burst: number
  readonly limiter?: RateLimiter
  readonly over?: 'release' | 'hold'
  readonly key?: (id: number) => string
}

function start({ rate, burst, key = () => 'gateway', over = 'release', ...rest }: Setting) {
  const clock = new FakeClock()
  const tube = new FakeTube(clock)
  const limiter = rest.limiter ?? new Limiter({ zone: new Zone({ rate }, { clock }), burst, nodelay: true })
  /** What the gateway sees. */
  const seen: { id: number; atMs: number }[] = []
  const handler = limitTasks<number>(
    { limiter, key: ({ data }) => key(data), over },
    ({ id }) => {
      seen.push({ id, atMs: clock.now() })
    },
    { clock },
  )
  const abort = new AbortController()
  const context = { signal: abort.signal, attempt: 1, isAborted: false }
  const runOne = async (): Promise<boolean> => {
    const task = tube.take()
    if (task !== undefined) tube.release(task.id, await handler(task, context))
    return task !== undefined
  }
  const runAll = async (): Promise<void> => {
    while (await runOne());
  }
  return { clock, tube, seen, handler, context, abort, runOne, runAll }
}

const range = (length: number): number[] => Array.from({ length }, (_, i) => i)

/** The most that any window of this length saw; a window has its begin and not its end. */
function mostWithin(windowMs: number, seen: readonly { atMs: number }[]): number {
  return seen.reduce(
    (most, { atMs }) =>
      Math.max(most, seen.filter((other) => other.atMs >= atMs && other.atMs < atMs + windowMs).length),
    0,
  )
}

describe('row 25 and requirement 43: limit and queue together', () => {
  // Requirement 21.
  test('1000 due tasks at 100/s with burst 50: at most 150 in any second, all of them, in order', async () => {
    const { tube, seen, runAll } = start({ rate: 100, burst: 50 })
    for (const id of range(1000)) tube.put(id)
    await runAll()
    expect(seen.map(({ id }) => id)).toEqual(range(1000))
    expect(mostWithin(1000, seen)).toBeLessThanOrEqual(150)
    expect(mostWithin(1000, seen)).toBeGreaterThan(140)
    // 949 come at 100/s; the spacing gives a thousandth away.
    expect(seen.at(-1)?.atMs).toBeLessThan(9520)
  })

  test('a task that is held up is released once, with the delay after which its turn comes', async () => {
    const { tube, runAll } = start({ rate: 100, burst: 50 })
    for (const id of range(1000)) tube.put(id)
    await runAll()
    expect(tube.delays).toHaveLength(949)
    expect(tube.delays[0]).toBeCloseTo(0.01, 3)
    expect(tube.delays.at(-1)).toBeCloseTo(9.5, 1)
  })

  test('tasks that come while others wait go behind them, though there is room at the moment', async () => {
    const { clock, tube, seen, runOne, runAll } = start({ rate: 10, burst: 0 })
    for (const id of [1, 2, 3]) tube.put(id)
    for (const _ of range(3)) await runOne()
    expect(seen.map(({ id }) => id)).toEqual([1])
    clock.advance(99)
    tube.put(4)
    clock.advance(1)
    await runAll()
    expect(seen.map(({ id }) => id)).toEqual([1, 2, 3, 4])
  })

  test('keys are limited one by one, each in its order', async () => {
    const { tube, seen, runAll } = start({ rate: 10, burst: 1, key: (id) => (id % 2 === 0 ? 'even' : 'odd') })
    for (const id of range(20)) tube.put(id)
    await runAll()
    expect(seen.filter(({ id }) => id % 2 === 0).map(({ id }) => id)).toEqual(range(10).map((i) => 2 * i))
    expect(seen.filter(({ id }) => id % 2 === 1).map(({ id }) => id)).toEqual(range(10).map((i) => 2 * i + 1))
    expect(seen.at(-1)?.atMs).toBeLessThan(820)
  })

  test('a limit that others use up too still loses nothing', async () => {
    let turn = 0
    const limiter: RateLimiter = {
      rate: 100,
      check: () => {
        turn += 1
        return Promise.resolve(
          turn % 3 === 0 ? { granted: true, delayMs: 0, excess: 0 } : { granted: false, retryAfterMs: 10, excess: 51 },
        )
      },
    }
    const { tube, seen, runAll } = start({ rate: 100, burst: 50, limiter })
    for (const id of range(300)) tube.put(id)
    await runAll()
    expect(seen.map(({ id }) => id).sort((a, b) => a - b)).toEqual(range(300))
  })

  test('a task that is held waits for its turn in the worker, and an abort ends that', async () => {
    vi.useFakeTimers()
    onTestFinished(() => {
      vi.useRealTimers()
    })
    const { clock, tube, seen, abort, runOne } = start({ rate: 10, burst: 0, over: 'hold' })
    for (const id of [1, 2, 3, 4]) tube.put(id)
    const runs = [1, 2, 3, 4].map(runOne)
    const settled = Promise.allSettled(runs)
    for (const ids of [[1], [1, 2], [1, 2, 3]]) {
      await vi.advanceTimersByTimeAsync(0)
      expect(seen.map(({ id }) => id)).toEqual(ids)
      if (ids.length === 3) break
      // A thousandth more than a turn, in whole milliseconds.
      clock.advance(101)
      await vi.advanceTimersByTimeAsync(101)
    }
    const closed = new Error('closed')
    abort.abort(closed)
    expect((await settled).map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'rejected'])
    expect(vi.getTimerCount()).toBe(0)
    expect(tube.delays).toEqual([])
  })

  test('a task within the burst waits as the limit says; an abort ends the wait with the reason', async () => {
    const limiter: RateLimiter = { rate: 1, check: () => ({ granted: true, delayMs: 60_000, excess: 1 }) }
    const { tube, seen, abort, runOne } = start({ rate: 1, burst: 1, limiter })
    tube.put(1)
    const run = runOne()
    const closed = new Error('closed')
    abort.abort(closed)
    await expect(run).rejects.toBe(closed)
    expect(seen).toEqual([])
    expect(tube.delays).toEqual([])
  })

  test('what the handler throws is the worker’s to handle', async () => {
    const { tube, context } = start({ rate: 1, burst: 1 })
    tube.put(1)
    const failed = new Error('503')
    const zone = { rate: 100 }
    const handler = limitTasks<number>({ limiter: new Limiter({ zone }) }, () => {
      throw failed
    })
    const task = tube.take()
    if (task === undefined) throw new Error('Expected a task')
    await expect(handler(task, context)).rejects.toBe(failed)
    expect(task.isSettled).toBe(false)
  })
})

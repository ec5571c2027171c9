import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type BatchWriterOptions, batchWriter, Queue, type StoreFunction } from '../src/index.ts'
import { type FakeCall, FakeCaller, FakeClock, settle } from './fake-caller.ts'

/** A tube that has tasks 0, 1, … of its own, and notes what becomes of them. */
class FakeTube extends FakeCaller {
  readonly acked: number[] = []
  readonly buried: number[] = []
  readonly released: number[] = []
  /** Taken and not settled. */
  readonly held = new Set<number>()
  most = 0
  touches = 0
  #ready: number[] = []
  #waiting: FakeCall | undefined

  put(...ids: number[]): void {
    this.#ready.push(...ids)
    this.#deliver()
  }

  get takes(): number {
    return this.calls.filter(({ fn }) => fn === 'queue.take_many').length
  }

  override call(fn: string, args: readonly unknown[]): Promise<unknown[]> {
    const answer = super.call(fn, args)
    const call = this.calls.at(-1)
    if (call === undefined) throw new Error('There is no call')
    if (fn === 'queue.take_many') {
      this.#waiting = call
      this.#deliver()
    } else if (fn === 'queue.cancel_take') {
      this.#waiting?.answer([])
      this.#waiting = undefined
      call.answer()
    } else {
      const items = args[1] as [number, number, { final?: boolean }?][]
      call.answer(items.map(([id, , options]) => this.#settle(options?.final === true ? 'queue.bury_many' : fn, id)))
      this.#deliver()
    }
    return answer
  }

  #deliver(): void {
    const call = this.#waiting
    if (call === undefined || this.#ready.length === 0) return
    this.#waiting = undefined
    const ids = this.#ready.splice(0, Number(call.args[1]))
    for (const id of ids) this.held.add(id)
    this.most = Math.max(this.most, this.held.size)
    call.answer(ids.map((id) => [id, 't', id, 1]))
  }

  #settle(fn: string, id: number): unknown {
    if (fn === 'queue.touch_many') {
      this.touches += 1
      return [id, 't']
    }
    this.held.delete(id)
    if (fn === 'queue.ack_many') this.acked.push(id)
    else if (fn === 'queue.bury_many') this.buried.push(id)
    else {
      this.released.push(id)
      this.#ready.push(id)
    }
    return [id, '-']
  }
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i)
const sorted = (ids: Iterable<number>): number[] => [...ids].toSorted((a, b) => a - b)

function start(store: StoreFunction<number>, options: BatchWriterOptions) {
  const tube = new FakeTube()
  const clock = new FakeClock()
  const writer = batchWriter(new Queue(tube, {}, { clock }).tube<number>('rows'), store, options)
  const advance = async (ms: number): Promise<void> => {
    await settle()
    clock.advance(ms)
    await settle()
  }
  return { tube, clock, writer, advance }
}

/** A store whose calls the test ends. */
function manual() {
  const calls: { records: number[]; signal: AbortSignal; end: () => void; fail: (error?: unknown) => void }[] = []
  const store: StoreFunction<number> = (records, { signal }) =>
    new Promise<void>((end, fail) =>
      calls.push({ records: [...records], signal, end, fail: (e = new Error('down')) => fail(e) }),
    )
  return { calls, store, records: () => calls.map(({ records }) => records) }
}

test('requirement 23: a batch is written at its size at once, and by the age of its oldest record', async () => {
  const { calls, store, records } = manual()
  const { tube, writer, advance } = start(store, { maxSize: 3, maxAgeMs: 1000 })
  tube.put(1, 2, 3)
  await advance(0)
  expect(records()).toEqual([[1, 2, 3]])
  calls[0]?.end()
  await settle()
  tube.put(4)
  await advance(600)
  tube.put(5)
  await advance(399)
  expect(records()).toHaveLength(1)
  await advance(1)
  expect(records()[1]).toEqual([4, 5])
  calls[1]?.end()
  await writer.close()
})

test('requirement 24: nothing is acked before the store has it, and a failed batch is written again', async () => {
  const { calls, store, records } = manual()
  const { tube, writer, advance } = start(store, { maxSize: 2, minDelayMs: 100 })
  const told: unknown[] = []
  writer.on('outage', (error, failures) => told.push([(error as Error).message, failures]))
  writer.on('recovered', () => told.push('recovered'))
  tube.put(1, 2)
  await settle()
  calls[0]?.fail()
  await settle()
  expect(tube.acked).toEqual([])
  expect(writer.buffered).toBe(2)
  await advance(99)
  expect(records()).toEqual([[1, 2]])
  await advance(1)
  calls[1]?.end()
  await settle()
  expect(tube.acked).toEqual([1, 2])
  expect(told).toEqual([['down', 1], 'recovered'])
  expect(tube.released).toEqual([])
  await writer.close()
})

test('pauses grow from failure to failure, up to the longest', async () => {
  const times: number[] = []
  const clockOf: { clock?: FakeClock } = {}
  const { tube, clock, advance } = start(
    () => {
      times.push(clockOf.clock?.now() ?? 0)
      throw new Error('down')
    },
    { maxSize: 1, minDelayMs: 100, maxDelayMs: 400 },
  )
  clockOf.clock = clock
  tube.put(1)
  for (let i = 0; i < 15; i += 1) await advance(100)
  expect(times).toEqual([0, 100, 300, 700, 1100, 1500])
})

test('requirement 26: no more is held than the bound, and the leases of what is held are prolonged', async () => {
  const { calls, store } = manual()
  const { tube, writer, advance } = start(store, { maxSize: 2, maxBuffered: 5, ttr: 30 })
  tube.put(...numbers(20))
  await settle()
  expect(tube.held.size).toBe(5)
  await advance(10_000)
  expect(tube.touches).toBe(5)
  for (let i = 0; i < 10; i += 1) {
    calls[i]?.end()
    await advance(0)
  }
  expect(sorted(tube.acked)).toEqual(numbers(20))
  expect(tube.most).toBe(5)
  await writer.close()
})

test('requirement 25: a record that the store refuses is retried alone, then buried, and the others are written', async () => {
  const stored: number[] = []
  const store: StoreFunction<number> = (records) => {
    if (records.includes(5)) throw new Error('poison')
    stored.push(...records)
  }
  const { tube, writer, advance } = start(store, {
    maxSize: 8,
    minDelayMs: 1,
    tries: 2,
    retry: { attempts: 2, delay: 0 },
  })
  const failed: unknown[] = []
  writer.worker.on('failed', (task, error, next) => failed.push([task.id, (error as Error).message, next.action]))
  tube.put(...numbers(8))
  for (let i = 0; i < 100 && tube.buried.length === 0; i += 1) await advance(1000)
  expect(tube.buried).toEqual([5])
  expect(failed).toEqual([
    [5, 'poison', 'release'],
    [5, 'poison', 'bury'],
  ])
  expect(sorted(tube.acked)).toEqual([0, 1, 2, 3, 4, 6, 7])
  expect(sorted(stored)).toEqual([0, 1, 2, 3, 4, 6, 7])
  await writer.close()
})

test('requirement 25: a record that fails alone for long holds up nobody', async () => {
  const stored: number[] = []
  const { tube, writer, advance } = start(
    (records) => {
      if (records.includes(5)) throw new Error('poison')
      stored.push(...records)
    },
    { maxSize: 2, maxAgeMs: 10, minDelayMs: 60_000, maxDelayMs: 600_000, tries: 1, retry: { attempts: 1 } },
  )
  tube.put(5)
  await advance(10)
  tube.put(6)
  await advance(10)
  expect(stored).toEqual([6])
  // Now it is known that the store was not to blame.
  await advance(0)
  expect(tube.buried).toEqual([5])
  await writer.close()
})

test('requirement 27: nothing is taken before the store is ready', async () => {
  const { store } = manual()
  let isUp = false
  const ready = (): void => {
    if (!isUp) throw new Error('starting')
  }
  const { tube, writer, advance } = start(store, { maxSize: 2, minDelayMs: 100, ready })
  tube.put(1, 2)
  await advance(100)
  await advance(200)
  expect(tube.takes).toBe(0)
  isUp = true
  await advance(400)
  expect(tube.held.size).toBe(2)
  void writer.close({ graceMs: 0 })
})

test('a writer whose store never was ready closes at once', async () => {
  const { store } = manual()
  const { tube, clock, writer } = start(store, { ready: () => Promise.reject(new Error('starting')) })
  await settle()
  await writer.close()
  expect(tube.takes).toBe(0)
  expect(clock.sleeping).toBe(0)
})

test('requirement 23: close writes what was gathered', async () => {
  const { calls, store, records } = manual()
  const { tube, clock, writer } = start(store, { maxSize: 10, maxAgeMs: 60_000 })
  tube.put(1, 2)
  await settle()
  const closing = writer.close()
  await settle()
  expect(records()).toEqual([[1, 2]])
  calls[0]?.end()
  await closing
  expect(tube.acked).toEqual([1, 2])
  expect(clock.sleeping).toBe(0)
})

test('close gives everything back when the store stays down for its grace time', async () => {
  const { tube, clock, writer, advance } = start(
    () => {
      throw new Error('down')
    },
    { maxSize: 2, maxBuffered: 3, retry: { attempts: 1 } },
  )
  tube.put(1, 2, 3)
  await settle()
  const closing = writer.close({ graceMs: 1000 })
  await advance(1000)
  await closing
  expect(sorted(tube.released)).toEqual([1, 2, 3])
  expect(tube.held.size).toBe(0)
  expect(clock.sleeping).toBe(0)
})

test('for any failures of the store, all is stored but the poisoned, nothing is acked before, and the bound holds', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 1, maxLength: 6 }),
      fc.uniqueArray(fc.integer({ min: 0, max: 20 }), { maxLength: 4 }),
      fc.array(fc.boolean(), { maxLength: 30 }),
      fc.integer({ min: 1, max: 5 }),
      async (puts, bad, downs, maxSize) => {
        const poisoned = new Set(bad)
        const stored = new Set<number>()
        let calls = 0
        const isUp = (): boolean => downs[calls] !== true
        const { tube, writer, advance } = start(
          (records) => {
            const isRefused = !isUp() || records.some((record) => poisoned.has(record))
            calls += 1
            if (isRefused) throw new Error('refused')
            for (const record of records) stored.add(record)
          },
          {
            maxSize,
            maxAgeMs: 10,
            maxBuffered: 2 * maxSize,
            minDelayMs: 1,
            maxDelayMs: 1,
            tries: 2,
            // For poison to be told from an outage when nothing else is left.
            ready: () => (isUp() ? undefined : Promise.reject(new Error(`down ${calls++}`))),
            retry: { attempts: 10, delay: 0 },
          },
        )
        let count = 0
        for (const size of puts) {
          tube.put(...numbers(size).map((i) => count + i))
          count += size
          await advance(10)
        }
        const bads = (): number[] => numbers(count).filter((id) => poisoned.has(id))
        for (let i = 0; i < 3000 && tube.buried.length + tube.acked.length < count; i += 1) await advance(10)
        expect(sorted(tube.acked)).toEqual(numbers(count).filter((id) => !poisoned.has(id)))
        expect(sorted(stored)).toEqual(sorted(tube.acked))
        expect(sorted(tube.buried)).toEqual(bads())
        expect(tube.most).toBeLessThanOrEqual(2 * maxSize)
        await writer.close()
      },
    ),
    { numRuns: 15 },
  )
})

test.each([
  [{ maxSize: 0 }, 'maxSize'],
  [{ maxSize: 10, maxBuffered: 9 }, 'maxBuffered'],
  [{ maxAgeMs: -1 }, 'maxAgeMs'],
  [{ minDelayMs: 10, maxDelayMs: 9 }, 'maxDelayMs'],
  [{ tries: 0 }, 'tries'],
])('batch writer options %j are refused by the name of the option', (options, name) => {
  expect(() => start(() => undefined, options)).toThrow(`Expected \`${name}\` to be`)
})

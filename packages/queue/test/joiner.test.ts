import { expect, test } from 'vitest'
import { Joiner } from '../src/batch/joiner.ts'
import { QueueError } from '../src/errors.ts'
import { settle } from './fake-caller.ts'

const limits = { maxItems: 3, maxBytes: 100, maxInFlight: 1, maxWaiting: 10 }

/** A joiner whose batches the test answers. */
function start(overrides: Partial<typeof limits> = {}) {
  const batches: {
    items: number[]
    answer: (results: (string | QueueError)[]) => void
    fail: (error: unknown) => void
  }[] = []
  const joiner = new Joiner<number, string>({ ...limits, ...overrides }, (items) => {
    return new Promise((answer, fail) => batches.push({ items, answer, fail }))
  })
  return { joiner, batches }
}

test('calls of one turn travel in one batch, and each gets its own result', async () => {
  const { joiner, batches } = start()
  const results = [joiner.add(1, 1), joiner.add(2, 1)]
  expect(batches).toHaveLength(0)
  await settle()
  expect(batches.map((batch) => batch.items)).toEqual([[1, 2]])
  batches[0]?.answer(['one', 'two'])
  expect(await Promise.all(results)).toEqual(['one', 'two'])
})

test('a call made in a microtask of the same turn joins the batch', async () => {
  const { joiner, batches } = start()
  void joiner.add(1, 1)
  void Promise.resolve().then(() => joiner.add(2, 1))
  await settle()
  expect(batches.map((batch) => batch.items)).toEqual([[1, 2]])
})

test('a batch holds no more items than the limit, and the rest waits for its answer', async () => {
  const { joiner, batches } = start()
  const results = [1, 2, 3, 4].map((item) => joiner.add(item, 1))
  await settle()
  expect(batches.map((batch) => batch.items)).toEqual([[1, 2, 3]])
  batches[0]?.answer(['1', '2', '3'])
  await settle()
  expect(batches[1]?.items).toEqual([4])
  batches[1]?.answer(['4'])
  expect(await Promise.all(results)).toEqual(['1', '2', '3', '4'])
})

test('a batch holds no more bytes than the limit, but a single larger call goes alone', async () => {
  const { joiner, batches } = start({ maxInFlight: 9 })
  for (const [item, size] of [
    [1, 60],
    [2, 60],
    [3, 500],
    [4, 10],
  ] as const)
    void joiner.add(item, size)
  await settle()
  expect(batches.map((batch) => batch.items)).toEqual([[1], [2], [3], [4]])
})

test('a failed item rejects its own call only', async () => {
  const { joiner, batches } = start()
  const results = Promise.allSettled([joiner.add(1, 1), joiner.add(2, 1)])
  await settle()
  const refused = new QueueError('TASK_TOO_LARGE', 'too large')
  batches[0]?.answer([refused, 'two'])
  expect(await results).toEqual([
    { status: 'rejected', reason: refused },
    { status: 'fulfilled', value: 'two' },
  ])
})

test('a failed request rejects every call of its batch with the same error', async () => {
  const { joiner, batches } = start()
  const results = Promise.allSettled([joiner.add(1, 1), joiner.add(2, 1)])
  await settle()
  const lost = new Error('lost')
  batches[0]?.fail(lost)
  expect((await results).map((result) => result.status === 'rejected' && result.reason)).toEqual([lost, lost])
})

test('an answer that is too short rejects the calls it leaves out', async () => {
  const { joiner, batches } = start()
  const results = Promise.allSettled([joiner.add(1, 1), joiner.add(2, 1)])
  await settle()
  batches[0]?.answer(['one'])
  expect((await results)[1]).toMatchObject({ status: 'rejected', reason: { code: 'UNEXPECTED_REPLY' } })
})

// Requirement 29.
test('one call more than may wait is refused as retryable and never sent, and the others go on', async () => {
  const { joiner, batches } = start({ maxWaiting: 2 })
  void joiner.add(1, 1)
  void joiner.add(2, 1)
  await expect(joiner.add(3, 1)).rejects.toMatchObject({ code: 'OVERLOADED', retryable: true, sent: false })
  await settle()
  expect(batches[0]?.items).toEqual([1, 2])
})

test('onIdle waits for what waits and for what is on its way', async () => {
  const { joiner, batches } = start()
  for (const item of [1, 2, 3, 4]) void joiner.add(item, 1)
  let isIdle = false
  void joiner.onIdle().then(() => {
    isIdle = true
  })
  await settle()
  batches[0]?.answer(['1', '2', '3'])
  await settle()
  expect(isIdle).toBe(false)
  batches[1]?.answer(['4'])
  await settle()
  expect(isIdle).toBe(true)
})

test('thousands of calls keep their order over many batches', async () => {
  const seen: number[] = []
  const joiner = new Joiner<number, number>({ ...limits, maxWaiting: 10_000 }, (items) => {
    seen.push(...items)
    return Promise.resolve(items)
  })
  const numbers = Array.from({ length: 5000 }, (_, i) => i)
  expect(await Promise.all(numbers.map((n) => joiner.add(n, 1)))).toEqual(numbers)
  expect(seen).toEqual(numbers)
  expect(joiner.waiting).toBe(0)
})

const sized = (items: readonly number[]) => items.map((value) => ({ value, size: 1 }))

test('many calls at once travel with the others, over several batches, and have one outcome by index', async () => {
  const { joiner, batches } = start({ maxInFlight: 2 })
  const first = joiner.add(0, 1)
  const all = joiner.addAll(sized([1, 2, 3, 4]))
  const last = joiner.add(5, 1)
  await settle()
  expect(batches.map((batch) => batch.items)).toEqual([
    [0, 1, 2],
    [3, 4, 5],
  ])
  const refused = new QueueError('TASK_TOO_LARGE', 'too large')
  batches[1]?.answer(['three', refused, 'five'])
  expect(await last).toBe('five')
  batches[0]?.answer(['zero', 'one', 'two'])
  expect(await first).toBe('zero')
  const { results, errors } = await all
  expect(results.slice(0, 3)).toEqual(['one', 'two', 'three'])
  expect([...errors]).toEqual([[3, refused]])
})

test('a failed request fails those of many calls that it carried', async () => {
  const { joiner, batches } = start({ maxInFlight: 2 })
  const all = joiner.addAll(sized([1, 2, 3, 4]))
  await settle()
  const lost = new Error('lost')
  batches[1]?.fail(lost)
  batches[0]?.answer(['one', 'two', 'three'])
  const { results, errors } = await all
  expect(results.slice(0, 3)).toEqual(['one', 'two', 'three'])
  expect([...errors]).toEqual([[3, lost]])
})

test('of many calls those above the bound are refused, and the others go on', async () => {
  const { joiner, batches } = start({ maxWaiting: 2 })
  const all = joiner.addAll(sized([1, 2, 3]))
  await settle()
  batches[0]?.answer(['one', 'two'])
  const { results, errors } = await all
  expect(results.slice(0, 2)).toEqual(['one', 'two'])
  expect(errors.get(2)).toMatchObject({ code: 'OVERLOADED', retryable: true, sent: false })
})

test('no calls at all are done at once', async () => {
  const { joiner, batches } = start()
  expect(await joiner.addAll([])).toEqual({ results: [], errors: new Map() })
  expect(batches).toHaveLength(0)
})

import { expect, test } from 'vitest'
import { deferred } from '../helpers/deferred.ts'
import { startQueue } from '../helpers/start-queue.ts'

test('every task is in one batch, no batch is too large, and no more run than may', async () => {
  const server = await startQueue('t:fifottl')
  const queue = await server.queue()
  const tube = queue.tube<number>('t')
  const seen: number[] = []
  const sizes: number[] = []
  let running = 0
  let most = 0
  const worker = tube.workBatches(
    async (tasks) => {
      most = Math.max(most, ++running)
      sizes.push(tasks.length)
      seen.push(...tasks.map((task) => task.data))
      await new Promise((resolve) => setImmediate(resolve))
      running -= 1
    },
    { size: 100, concurrency: 2, maxAgeMs: 20 },
  )
  await tube.putMany(Array.from({ length: 2550 }, (_, data) => ({ data })))
  await expect.poll(async () => (await queue.statistics('t')).tasks.total, { timeout: 20_000 }).toBe(0)
  expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 2550 }, (_, data) => data))
  expect(Math.max(...sizes)).toBe(100)
  expect(most).toBe(2)
  await worker.close()
})

test('a poisoned task is buried, and the others of its batch are done', async () => {
  const server = await startQueue('t:fifottl')
  const queue = await server.queue()
  const tube = queue.tube<string>('t')
  const worker = tube.workBatches(
    (tasks, { fail }) => {
      for (const task of tasks) if (task.data === 'poison') fail(task, new Error('poisoned'))
    },
    { size: 10, maxAgeMs: 20, retry: { attempts: 1 } },
  )
  await tube.putMany(['a', 'poison', 'b'].map((data) => ({ data })))
  await expect.poll(async () => (await queue.statistics('t')).tasks).toMatchObject({ buried: 1, total: 1 })
  await worker.close()
})

test('closing runs what was gathered, and leaves nothing taken', async () => {
  const server = await startQueue('t:fifottl')
  const queue = await server.queue()
  const tube = queue.tube('t')
  const batches: number[] = []
  const worker = tube.workBatches((tasks) => batches.push(tasks.length), { size: 10, maxAgeMs: 600_000 })
  await tube.putMany([{ data: 1 }, { data: 2 }, { data: 3 }])
  await expect.poll(async () => (await queue.statistics('t')).tasks.taken).toBe(3)
  await expect.poll(() => worker.running).toBe(3)
  await worker.close()
  expect(batches).toEqual([3])
  expect((await queue.statistics('t')).tasks.total).toBe(0)
})

test('a batch whose store was down is retried whole', async () => {
  const server = await startQueue('t:fifottl')
  const queue = await server.queue()
  const tube = queue.tube<number>('t')
  const stored = deferred<number[]>()
  let tries = 0
  const worker = tube.workBatches(
    (tasks, context) => {
      tries += 1
      if (tries === 1) throw new Error('store down')
      expect(tasks.map((task) => context.attempt(task))).toEqual([2, 2, 2])
      stored.resolve(tasks.map((task) => task.data))
    },
    { size: 3, maxAgeMs: 2000, retry: { delay: 0.02, jitter: 0 } },
  )
  await tube.putMany([1, 2, 3].map((data) => ({ data })))
  expect((await stored.promise).toSorted()).toEqual([1, 2, 3])
  await expect.poll(async () => (await queue.statistics('t')).tasks.total).toBe(0)
  await worker.close()
})

import { expect, test } from 'vitest'
import { deferred } from '../helpers/deferred.ts'
import { startQueue } from '../helpers/start-queue.ts'

test('a worker runs every task once, never more at a time than its concurrency', async () => {
  const server = await startQueue('t:fifottl')
  const queue = await server.queue()
  const tube = queue.tube<number>('t')
  const counts = new Map<number, number>()
  let running = 0
  let most = 0
  const worker = tube.work(
    async (task) => {
      running += 1
      most = Math.max(most, running)
      counts.set(task.data, (counts.get(task.data) ?? 0) + 1)
      await new Promise((resolve) => setImmediate(resolve))
      running -= 1
    },
    { concurrency: 8 },
  )
  await tube.putMany(Array.from({ length: 3000 }, (_, data) => ({ data })))
  await expect.poll(async () => (await queue.statistics('t')).tasks.total, { timeout: 20_000 }).toBe(0)
  await worker.close()
  expect(counts.size).toBe(3000)
  expect(new Set(counts.values())).toEqual(new Set([1]))
  expect(most).toBe(8)
})

test('a failing task is retried with back-off, then buried', async () => {
  const server = await startQueue('t:fifottl')
  const queue = await server.queue()
  const tube = queue.tube('t')
  const attempts: number[] = []
  const worker = tube.work(
    (_task, { attempt }) => {
      attempts.push(attempt)
      throw new Error('always')
    },
    { retry: { attempts: 3, delay: 0.02 } },
  )
  await tube.put('poison')
  await expect.poll(async () => (await queue.statistics('t')).tasks.buried, { timeout: 20_000 }).toBe(1)
  expect(attempts).toEqual([1, 2, 3])
  await worker.close()
})

test('closing a worker leaves nothing taken: started tasks end, the others go back', async () => {
  const server = await startQueue('t:fifottl')
  const queue = await server.queue()
  const tube = queue.tube('t')
  await tube.putMany(Array.from({ length: 10 }, (_, data) => ({ data })))
  const started = deferred()
  const worker = tube.work(
    async () => {
      started.resolve()
      await new Promise((resolve) => setTimeout(resolve, 50))
    },
    { concurrency: 2, prefetch: 5 },
  )
  await started.promise
  await worker.close()
  const { tasks } = await queue.statistics('t')
  expect(tasks.taken).toBe(0)
  expect(tasks.ready).toBe(8)
})

test('a worker outlasts a server that is killed and started again: every task is done', async () => {
  const server = await startQueue('t:fifottl')
  const queue = await server.queue()
  const tube = queue.tube<number>('t')
  await tube.putMany(Array.from({ length: 2000 }, (_, data) => ({ data })))
  const done = new Set<number>()
  const half = deferred()
  const worker = tube.work(
    async (task) => {
      done.add(task.data)
      if (done.size === 500) half.resolve()
      await new Promise((resolve) => setImmediate(resolve))
    },
    { concurrency: 32 },
  )
  await half.promise
  await server.kill()
  await server.restart()
  await expect.poll(async () => (await queue.statistics('t')).tasks.total, { timeout: 30_000 }).toBe(0)
  expect(done.size).toBe(2000)
  await worker.close()
})

test('work finished while the server was away is not done again', async () => {
  const server = await startQueue('t:fifottl')
  const queue = await server.queue()
  const tube = queue.tube('t')
  await tube.put('work')
  const started = deferred()
  const finish = deferred()
  const completed = deferred()
  let runs = 0
  const worker = tube.work(
    async () => {
      runs += 1
      started.resolve()
      await finish.promise
    },
    { concurrency: 1 },
  )
  worker.on('completed', () => completed.resolve())
  await started.promise
  await server.kill()
  finish.resolve()
  await server.restart()
  await completed.promise
  expect(runs).toBe(1)
  expect((await queue.statistics('t')).tasks.total).toBe(0)
  await worker.close()
})

// Requirement 11.
test('an idle worker makes no requests', async () => {
  const server = await startQueue('t:fifottl')
  const queue = await server.queue()
  const worker = queue.tube('t').work(() => undefined)
  const calls = async (): Promise<number> => (await queue.statistics('t')).calls['take'] ?? 0
  const before = await calls()
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(await calls()).toBe(before)
  await worker.close()
})

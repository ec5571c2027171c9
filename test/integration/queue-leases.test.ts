import { setTimeout as work } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { deferred } from '../helpers/deferred.ts'
import { startQueue } from '../helpers/start-queue.ts'

test('a handler that takes longer than the ttr keeps its task, which nobody else is given', async () => {
  const server = await startQueue('t:fifottl')
  const queue = await server.queue()
  const other = await server.queue()
  const tube = queue.tube('t')
  const completed = deferred()
  let runs = 0
  const worker = tube.work(
    async () => {
      runs += 1
      await work(1500)
    },
    { ttr: 0.3 },
  )
  worker.on('completed', () => completed.resolve())
  const rival = other.tube('t').work(() => {
    runs += 100
  })
  await rival.pause()
  await tube.put('long', { ttr: 0.3 })
  await expect.poll(() => runs).toBe(1)
  rival.resume()
  await completed.promise
  expect(runs).toBe(1)
  expect((await queue.statistics('t')).tasks.total).toBe(0)
})

test('tasks that wait for a handler for longer than their ttr are run once all the same', async () => {
  const server = await startQueue('t:fifottl')
  const queue = await server.queue()
  const tube = queue.tube<number>('t')
  const runs: number[] = []
  const worker = tube.work(
    async (task) => {
      runs.push(task.data)
      await work(250)
    },
    { concurrency: 1, prefetch: 5, ttr: 0.4 },
  )
  await tube.putMany([1, 2, 3, 4, 5].map((data) => ({ data, ttr: 0.4 })))
  await expect.poll(async () => (await queue.statistics('t')).tasks.total, { timeout: 20_000 }).toBe(0)
  expect(runs).toEqual([1, 2, 3, 4, 5])
  expect((await queue.statistics('t')).calls['ttr']).toBe(0)
  await worker.close()
})

test('the signal aborts when the task is taken away', async () => {
  const server = await startQueue('t:fifottl')
  const queue = await server.queue()
  const tube = queue.tube('t')
  const aborted = deferred<unknown>()
  const lost = deferred<number>()
  const worker = tube.work(
    async (task, { signal }) => {
      signal.addEventListener('abort', () => aborted.resolve(signal.reason))
      await tube.delete(task.id)
      await aborted.promise
      throw new Error('stopped')
    },
    { ttr: 0.3 },
  )
  worker.on('lost', ({ id }) => lost.resolve(id))
  const { id } = await tube.put('doomed')
  expect(await aborted.promise).toMatchObject({ code: 'LEASE_LOST' })
  expect(await lost.promise).toBe(id)
})

test('leases are taken up again after the server was killed, while their handlers go on', async () => {
  const server = await startQueue('t:fifottl')
  const queue = await server.queue()
  const tube = queue.tube('t')
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
    { concurrency: 1, ttr: 60 },
  )
  worker.on('completed', () => completed.resolve())
  await tube.put('long', { ttr: 60 })
  await started.promise
  await server.kill()
  await server.restart()
  await expect.poll(async () => (await queue.statistics('t')).tasks.taken, { timeout: 20_000 }).toBe(1)
  const other = await server.queue()
  expect(await other.tube('t').take(0.2)).toBeUndefined()
  finish.resolve()
  await completed.promise
  expect(runs).toBe(1)
})

test('a handler that takes too long has failed: its task is retried elsewhere while it is stuck', async () => {
  const server = await startQueue('t:fifottl')
  const queue = await server.queue()
  const tube = queue.tube('t')
  const stuck = deferred()
  const stalled = deferred<number>()
  const worker = tube.work(() => stuck.promise, {
    concurrency: 1,
    timeoutMs: 50,
    stalledAfterMs: 20,
    retry: { delay: 0 },
  })
  worker.on('stalled', (_task, ms) => stalled.resolve(ms))
  const { id } = await tube.put('work')
  expect(await stalled.promise).toBeGreaterThanOrEqual(20)
  const other = await server.queue()
  const task = await other.tube('t').take(10)
  expect(task?.id).toBe(id)
  await task?.ack()
  expect(worker.running).toBe(1)
  stuck.resolve()
  await worker.close()
})

test('a paused worker leaves its tube alone until it is resumed', async () => {
  const server = await startQueue('t:fifottl')
  const queue = await server.queue()
  const tube = queue.tube('t')
  let runs = 0
  const worker = tube.work(() => {
    runs += 1
  })
  await worker.pause()
  await tube.putMany(Array.from({ length: 10 }, (_, data) => ({ data })))
  const other = await server.queue()
  const task = await other.tube('t').take(5)
  await task?.release()
  expect((await queue.statistics('t')).tasks).toMatchObject({ ready: 10, taken: 0 })
  expect(runs).toBe(0)
  worker.resume()
  await expect.poll(async () => (await queue.statistics('t')).tasks.total).toBe(0)
  expect(runs).toBe(10)
  await worker.close()
})

// Period less the time spent, over ten rounds, with one and the same task all the time.
// Requirement 18.
test('a task that repeats keeps its rhythm, and there is one of it', async () => {
  const server = await startQueue('t:fifottl')
  const queue = await server.queue()
  const tube = queue.tube('t')
  const starts: number[] = []
  const totals: number[] = []
  const tenth = deferred()
  const worker = tube.repeat(
    async () => {
      starts.push(performance.now())
      if (starts.length === 11) tenth.resolve()
      totals.push((await queue.statistics('t')).tasks.total)
      await work(60)
    },
    { every: 0.2 },
  )
  await tube.put('tick')
  await tenth.promise
  await worker.close()
  // A start may be late, the rhythm may not: of the last three rounds one is near its time.
  const late = [8, 9, 10].map((round) => Math.abs((starts[round] ?? 0) - (starts[0] ?? 0) - round * 200))
  expect(Math.min(...late)).toBeLessThan(100)
  expect(new Set(totals)).toEqual(new Set([1]))
  expect((await queue.statistics('t')).tasks.total).toBe(1)
})

import { connectPool } from '@tarantella/connector'
import { batchWriter, Queue } from '@tarantella/queue'
import { poolCaller } from '@tarantella/queue/servers'
import { expect, onTestFinished, test } from 'vitest'
import { deferred } from '../helpers/deferred.ts'
import { startQueue } from '../helpers/start-queue.ts'

test('requirement 24: everything that was put is stored, over an outage longer than the ttr', async () => {
  const server = await startQueue('rows:fifottl')
  const queue = await server.queue()
  const tube = queue.tube<number>('rows')
  const stored: number[] = []
  let isUp = true
  const writer = batchWriter(
    tube,
    (rows) => {
      if (!isUp) throw new Error('store down')
      stored.push(...rows)
    },
    { maxSize: 50, maxAgeMs: 20, maxBuffered: 200, minDelayMs: 20, maxDelayMs: 100, ttr: 0.6, isOutage: () => true },
  )
  const rows = Array.from({ length: 1000 }, (_, data) => ({ data, ttr: 0.6 }))
  await tube.putMany(rows.slice(0, 100))
  await expect.poll(() => stored.length).toBe(100)
  isUp = false
  const down = performance.now()
  const outlasted = deferred()
  writer.on('outage', () => {
    if (performance.now() - down > 1500) outlasted.resolve()
  })
  await tube.putMany(rows.slice(100))
  await outlasted.promise
  expect((await queue.statistics('rows')).tasks).toMatchObject({ taken: 200, ready: 700 })
  expect(writer.buffered).toBe(200)
  isUp = true
  await expect.poll(async () => (await queue.statistics('rows')).tasks.total, { timeout: 10_000 }).toBe(0)
  // Nobody lost a lease: each row came once.
  expect(stored.toSorted((a, b) => a - b)).toEqual(rows.map(({ data }) => data))
  await writer.close()
})

test('requirement 25: a record that the store refuses is buried, and the others are stored', async () => {
  const server = await startQueue('rows:fifottl')
  const queue = await server.queue()
  const tube = queue.tube<number>('rows')
  const stored: number[] = []
  const writer = batchWriter(
    tube,
    (rows) => {
      if (rows.includes(13)) throw new Error('not a row')
      stored.push(...rows)
    },
    { maxSize: 40, maxAgeMs: 20, minDelayMs: 1, tries: 2, retry: { attempts: 2, delay: 0.01 } },
  )
  await tube.putMany(Array.from({ length: 100 }, (_, data) => ({ data })))
  await expect.poll(async () => (await queue.statistics('rows')).tasks).toMatchObject({ buried: 1, total: 1 })
  expect(new Set(stored).size).toBe(99)
  expect(stored).toHaveLength(99)
  await writer.close()
})

test('close stores what was gathered, and leaves nothing taken', async () => {
  const server = await startQueue('rows:fifottl')
  const queue = await server.queue()
  const tube = queue.tube<number>('rows')
  const stored: number[] = []
  const writer = batchWriter(tube, (rows) => stored.push(...rows), { maxAgeMs: 600_000 })
  await tube.putMany([{ data: 1 }, { data: 2 }])
  await expect.poll(() => writer.buffered).toBe(2)
  await writer.close()
  expect(stored).toEqual([1, 2])
  expect((await queue.statistics('rows')).tasks.total).toBe(0)
})

test('a queue over a pool goes on after its master was gone', async () => {
  const server = await startQueue('t:fifottl')
  const pool = await connectPool([server.uriOf('admin')])
  const queue = new Queue(poolCaller(pool))
  onTestFinished(async () => {
    await queue.close({ graceMs: 0 })
    await pool.close()
  })
  const tube = queue.tube<number>('t')
  const done: number[] = []
  const worker = tube.work((task) => done.push(task.data))
  await tube.put(1)
  await expect.poll(() => done).toEqual([1])
  await server.restart()
  await expect.poll(() => tube.put(2).then(() => 'put', String), { timeout: 10_000 }).toBe('put')
  await expect.poll(() => done.includes(2), { timeout: 10_000 }).toBe(true)
  await worker.close()
})

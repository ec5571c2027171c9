import { expect, test } from 'vitest'
import { startQueue } from '../helpers/start-queue.ts'

test('a task goes from put to ack, with its payload whole', async () => {
  const server = await startQueue('t:fifottl')
  const queue = await server.queue()
  const tube = queue.tube('t')
  const payload = {
    user: 5_000_000_000,
    big: 18_446_744_073_709_551_615n,
    half: 0.5,
    name: 'Zoë',
    list: [1, [null, true]],
    empty: {},
  }
  const { id, state } = await tube.put(payload)
  expect(state).toBe('ready')
  const task = await tube.take(1)
  expect(task).toMatchObject({ id, state: 'taken', data: payload })
  expect((await queue.statistics('t')).tasks).toMatchObject({ taken: 1, ready: 0, total: 1 })
  await task?.ack()
  expect(await tube.take(0)).toBeUndefined()
  await expect(tube.peek(id)).rejects.toMatchObject({ code: 'TASK_NOT_FOUND' })
})

test('the loop of the README: twenty producers in three tubes, and take(0.5) until there is nothing', async () => {
  const server = await startQueue('a:fifottl,b:fifottl,c:fifo')
  const queue = await server.queue()
  const names = ['a', 'b', 'c']
  await Promise.all(names.flatMap((name) => Array.from({ length: 20 }, (_, i) => queue.tube(name).put({ name, i }))))
  const taken = await Promise.all(
    names.map(async (name) => {
      let count = 0
      for (;;) {
        const task = await queue.tube(name).take(0.5)
        if (task === undefined) return count
        expect(task.data).toEqual({ name, i: count })
        await task.ack()
        count += 1
      }
    }),
  )
  expect(taken).toEqual([20, 20, 20])
})

test('take waits for the time it was given, and no task is lost to it', async () => {
  const server = await startQueue('t:fifottl')
  const tube = (await server.queue()).tube('t')
  const start = performance.now()
  expect(await tube.take(0.3)).toBeUndefined()
  expect(performance.now() - start).toBeGreaterThan(290)
  await tube.put('later')
  expect((await tube.take(1))?.data).toBe('later')
})

test('a waiting take gets the task of a put on another connection', async () => {
  const server = await startQueue('t:fifottl')
  const [consumer, producer] = [await server.queue('consumer'), await server.queue('producer')]
  const take = consumer.tube('t').take(30)
  await producer.tube('t').put('hello')
  expect((await take)?.data).toBe('hello')
})

test('a delayed task is not ready before its time', async () => {
  const server = await startQueue('t:fifottl')
  const queue = await server.queue()
  const tube = queue.tube('t')
  const start = performance.now()
  expect(await tube.put('soon', { delay: 0.3 })).toMatchObject({ state: 'delayed' })
  expect((await queue.statistics('t')).tasks).toMatchObject({ delayed: 1, ready: 0 })
  expect((await tube.take(10))?.data).toBe('soon')
  expect(performance.now() - start).toBeGreaterThanOrEqual(299)
})

test('a task put for an absolute time comes at that time, and one for the past at once', async () => {
  const server = await startQueue('t:fifottl')
  const tube = (await server.queue()).tube('t')
  const due = Date.now() + 300
  await tube.put('future', { at: new Date(due) })
  await tube.put('past', { at: new Date(Date.now() - 60_000) })
  expect((await tube.take(1))?.data).toBe('past')
  expect((await tube.take(10))?.data).toBe('future')
  expect(Date.now()).toBeGreaterThanOrEqual(due)
})

test('lower pri is taken first, and equal pri in the order of the puts', async () => {
  const server = await startQueue('t:fifottl')
  const tube = (await server.queue()).tube<string>('t')
  await tube.putMany([
    { data: 'b', pri: 2 },
    { data: 'c', pri: 2 },
    { data: 'a', pri: 1 },
  ])
  const tasks = await tube.takeMany(10, 1)
  expect(tasks.map((task) => task.data)).toEqual(['a', 'b', 'c'])
  await tube.ackMany(tasks)
})

test('a task that nobody takes within its ttl is gone', async () => {
  const server = await startQueue('t:fifottl')
  const queue = await server.queue()
  const tube = queue.tube('t')
  const { id } = await tube.put('short', { ttl: 0.1 })
  expect(await tube.peek(id)).toMatchObject({ state: 'ready', data: 'short' })
  await expect.poll(async () => (await queue.statistics('t')).tasks.total, { timeout: 10_000 }).toBe(0)
  await expect(tube.peek(id)).rejects.toMatchObject({ code: 'TASK_NOT_FOUND' })
  expect(await tube.take(0)).toBeUndefined()
})

// Requirement 3.
test('when ttr has passed the task is delivered again, and the late ack is refused', async () => {
  const server = await startQueue('t:fifottl')
  const tube = (await server.queue()).tube('t')
  await tube.put('work', { ttr: 0.2 })
  const first = await tube.take(1)
  const second = await tube.take(10)
  expect(second?.id).toBe(first?.id)
  await expect(first?.ack()).rejects.toMatchObject({ code: 'TASK_NOT_TAKEN' })
  await expect(second?.ack()).resolves.toBeUndefined()
})

test('touch holds a task for longer', async () => {
  const server = await startQueue('t:fifottl')
  const tube = (await server.queue()).tube('t')
  await tube.put('work', { ttr: 0.3 })
  const task = await tube.take(1)
  await task?.touch(60)
  expect(await tube.take(0.6)).toBeUndefined()
  await task?.ack()
})

test('release with delay, bury, kick and delete', async () => {
  const server = await startQueue('t:fifottl')
  const queue = await server.queue()
  const tube = queue.tube('t')
  await tube.put(1)
  await (await tube.take(1))?.release({ delay: 0.2 })
  expect(await tube.take(0)).toBeUndefined()
  const again = await tube.take(10)
  await again?.bury()
  expect((await queue.statistics('t')).tasks).toMatchObject({ buried: 1 })
  expect(await again?.peek()).toMatchObject({ state: 'buried', data: 1 })
  expect(await tube.kick(10)).toBe(1)
  const third = await tube.take(1)
  await third?.delete()
  expect((await queue.statistics('t')).tasks.total).toBe(0)
})

test('of one lane only one task is taken at a time, and other lanes go on', async () => {
  const server = await startQueue('t:utubettl')
  const tube = (await server.queue()).tube<string>('t')
  for (const [data, utube] of [
    ['a1', 'a'],
    ['a2', 'a'],
    ['b1', 'b'],
  ] as const)
    await tube.put(data, { utube })
  const tasks = await tube.takeMany(10, 1)
  expect(tasks.map((task) => task.data)).toEqual(['a1', 'b1'])
  await tasks[0]?.ack()
  expect((await tube.take(1))?.data).toBe('a2')
})

test('a lost connection gives its tasks back at once', async () => {
  const server = await startQueue('t:fifottl')
  const [one, two] = [await server.queue(), await server.queue()]
  await one.tube('t').put('work')
  expect(await one.tube('t').take(1)).toBeDefined()
  const waiting = two.tube('t').take(10)
  await one.close()
  expect((await waiting)?.data).toBe('work')
})

// Requirement 8.
test('a take that is aborted swallows no task', async () => {
  const server = await startQueue('t:fifottl')
  const queue = await server.queue()
  const tube = queue.tube('t')
  const abort = new AbortController()
  const take = tube.take(60, { signal: abort.signal })
  await expect.poll(async () => queue.statistics('t')).toBeDefined()
  abort.abort(new Error('enough'))
  await expect(take).rejects.toThrow('enough')
  await tube.put('work')
  expect((await tube.take(5))?.data).toBe('work')
})

// Requirement 38.
test('health says whether the server is ready, to every role', async () => {
  const server = await startQueue('t:fifottl')
  for (const role of ['producer', 'consumer', 'admin'] as const) {
    const health = await (await server.queue(role)).health()
    expect(health).toMatchObject({ ready: true, state: 'RUNNING', tubes: 1 })
    expect(health.server).toMatch(/^\d+\.\d+\./)
  }
})

test('a priority may be negative', async () => {
  const server = await startQueue('t:fifottl')
  const tube = (await server.queue()).tube<string>('t')
  await tube.putMany([{ data: 'later' }, { data: 'first', pri: -1 }])
  expect((await tube.take(1))?.data).toBe('first')
})

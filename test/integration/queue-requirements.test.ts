import { Queue } from '@tarantella/queue'
import { expect, test } from 'vitest'
import { startQueue } from '../helpers/start-queue.ts'

test('requirement 6: 900 waiting takes hold up no put and no ack of their connection, in whatever tube', async () => {
  const server = await startQueue('a:fifottl,b:fifottl')
  const queue = await server.queue()
  let ended = 0
  const takes = Array.from({ length: 900 }, async () => {
    await expect(queue.tube('a').take(60)).rejects.toMatchObject({ code: 'QUEUE_CLOSED' })
    ended += 1
  })
  const other = queue.tube('b')
  await other.put(1)
  const task = await other.take(1)
  await task?.ack()
  expect({ state: task?.state, ended }).toEqual({ state: 'done', ended: 0 })
  await queue.close()
  await Promise.all(takes)
})

test('requirement 28: a put resolves when the task is stored; one that the server dies over rejects as sent', async () => {
  const server = await startQueue('t:fifottl')
  const queue = await server.queue()
  const tube = queue.tube<string>('t')
  const { id } = await tube.put('stored')
  // It reads the request no more, and so cannot answer it.
  if (server.pid !== undefined) process.kill(server.pid, 'SIGSTOP')
  const lost = expect(tube.put('lost')).rejects.toMatchObject({ code: 'CONNECTION_LOST', sent: true })
  // Once it is written: the put leaves in this turn's check phase.
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
  await server.kill()
  await lost
  await server.restart()
  expect(await tube.peek(id)).toMatchObject({ data: 'stored', state: 'ready' })
  await expect(tube.put('after')).resolves.toMatchObject({ state: 'ready' })
})

test('requirement 37: a put that the server did not store throws, and a take that found nothing gives undefined', async () => {
  const server = await startQueue('t:fifottl')
  const queue = await server.queue()
  const full = await queue.createTube('full', { type: 'limfifottl', capacity: 1 })
  await full.put(1)
  await expect(full.put(2)).rejects.toMatchObject({ code: 'QUEUE_FULL', retryable: true })
  await expect(queue.tube('t').take(0)).resolves.toBeUndefined()
  await expect(queue.tube('t').take(0.05)).resolves.toBeUndefined()
  await expect(queue.tube('t').takeMany(5, 0)).resolves.toEqual([])
})

test('requirement 44: counts of ready, taken, delayed and buried tasks, and of calls', async () => {
  const server = await startQueue('t:fifottl')
  const queue = await Queue.connect(server.uriOf('admin'))
  const tube = queue.tube('t')
  await tube.put('delayed', { delay: 60 })
  await tube.putMany([{ data: 'buried' }, { data: 'taken' }, { data: 'ready' }])
  await (await tube.take(1))?.bury()
  await tube.take(1)
  const { tasks, calls } = await queue.statistics('t')
  expect(tasks).toMatchObject({ ready: 1, taken: 1, delayed: 1, buried: 1, total: 4 })
  expect(calls).toMatchObject({ put: 4, take: 2, bury: 1 })
  // Its session takes the lease with it.
  await queue.close()
  const after = await (await server.queue()).statistics('t')
  expect(after.tasks).toMatchObject({ ready: 2, taken: 0 })
})

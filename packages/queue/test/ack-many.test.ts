import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { expect, test } from 'vitest'
import { Queue } from '../src/queue.ts'
import { FakeCaller, FakeClock } from './fake-caller.ts'

const SETTLES = 'tracing:tarantella:queue:settle:start'

/** Three tasks that a tube holds. */
async function start() {
  const caller = new FakeCaller()
  const queue = new Queue(caller, {}, { clock: new FakeClock() })
  const tube = queue.tube('push')
  const take = tube.takeMany(3)
  ;(await caller.next('queue.take_many')).answer([1, 2, 3].map((id) => [id, 't', null, 10 + id]))
  return { caller, queue, tube, tasks: await take }
}

test('acks of many tasks travel in one call, and are settled by its answer', async () => {
  const { caller, tube, tasks } = await start()
  const acks = tube.ackMany(tasks)
  expect(tasks.map((task) => task.isSettled)).toEqual([true, true, true])
  await expect(tasks[0]?.ack()).rejects.toMatchObject({ code: 'TASK_SETTLED' })
  const call = await caller.next('queue.ack_many')
  expect(call.args).toEqual([
    'push',
    [
      [1, 11],
      [2, 12],
      [3, 13],
    ],
  ])
  call.answer([1, 2, 3].map((id) => [id, '-']))
  await expect(acks).resolves.toBeUndefined()
  expect(tasks.map((task) => task.state)).toEqual(['done', 'done', 'done'])
})

test('a refused one is told of by its place, and can be repeated with the others left alone', async () => {
  const { caller, tube, tasks } = await start()
  const refused = tube.ackMany(tasks)
  const notTaken = { code: 'TASK_NOT_TAKEN', message: 'Task was not taken' }
  ;(await caller.next('queue.ack_many')).answer([[1, '-'], notTaken, [3, '-']])
  await expect(refused).rejects.toMatchObject({
    code: 'BATCH_FAILED',
    results: [
      { status: 'fulfilled', value: undefined },
      { status: 'rejected', reason: { code: 'TASK_NOT_TAKEN' } },
      { status: 'fulfilled', value: undefined },
    ],
  })
  expect(tasks.map((task) => task.isSettled)).toEqual([true, false, true])
  const again = tasks[1]?.ack()
  ;(await caller.next('queue.ack_many')).answer([[2, '-']])
  await expect(again).resolves.toBeUndefined()
})

test('after a lost connection all of them are held as before', async () => {
  const { caller, tube, tasks } = await start()
  const lost = tube.ackMany(tasks)
  ;(await caller.next('queue.ack_many')).fail(new Error('lost'))
  await expect(lost).rejects.toMatchObject({ code: 'BATCH_FAILED', cause: { message: 'lost' } })
  expect(tasks.map((task) => task.isSettled)).toEqual([false, false, false])
})

test('one that is settled already, or stands there twice, fails alone', async () => {
  const { caller, tube, tasks } = await start()
  const [one, two] = tasks
  if (one === undefined || two === undefined) throw new Error('no tasks')
  const buried = one.bury()
  const acks = tube.ackMany([one, two, two])
  ;(await caller.next('queue.bury_many')).answer([[1, '!']])
  const call = await caller.next('queue.ack_many')
  expect(call.args[1]).toEqual([[2, 12]])
  call.answer([[2, '-']])
  const settled = { status: 'rejected', reason: { code: 'TASK_SETTLED', sent: false } }
  await expect(acks).rejects.toMatchObject({ results: [settled, { status: 'fulfilled' }, settled] })
  await buried
  expect(one.state).toBe('buried')
})

test('tasks of another tube go back to that one', async () => {
  const { caller, queue, tasks } = await start()
  const acks = queue.tube('other').ackMany(tasks)
  const call = await caller.next('queue.ack_many')
  expect(call.args[0]).toBe('push')
  call.answer([1, 2, 3].map((id) => [id, '-']))
  await acks
})

test('no tasks are acked without a call', async () => {
  const { caller, tube } = await start()
  await tube.ackMany([])
  expect(caller.unseen).toEqual([])
})

test('who listens is told of each', async () => {
  const { caller, tube, tasks } = await start()
  const told: number[] = []
  const listener = (message: unknown): void => {
    told.push((message as { id: number }).id)
  }
  subscribe(SETTLES, listener)
  try {
    const acks = tube.ackMany(tasks)
    ;(await caller.next('queue.ack_many')).answer([1, 2, 3].map((id) => [id, '-']))
    await acks
  } finally {
    unsubscribe(SETTLES, listener)
  }
  expect(told).toEqual([1, 2, 3])
})

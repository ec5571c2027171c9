import { connect } from '@tarantella/connector'
import { Queue } from '@tarantella/queue'
import { expect, test } from 'vitest'
import { startQueue } from '../helpers/start-queue.ts'
import { startTarantool } from '../helpers/start-tarantool.ts'

test('an unknown tube is named by a code, for every kind of call', async () => {
  const server = await startQueue('t:fifottl')
  const queue = await server.queue()
  const tube = queue.tube('nowhere')
  const expected = { name: 'QueueError', code: 'TUBE_NOT_FOUND', retryable: false }
  await expect(tube.put(1)).rejects.toMatchObject(expected)
  await expect(tube.take(0.1)).rejects.toMatchObject(expected)
  await expect(tube.kick()).rejects.toMatchObject(expected)
  await expect(tube.work(() => undefined).finished).rejects.toMatchObject(expected)
  await expect(queue.tube('t').put(1)).resolves.toMatchObject({ state: 'ready' })
})

test('a payload above the tuple limit fails alone, and the puts beside it are stored', async () => {
  const server = await startQueue('t:fifottl')
  const queue = await server.queue('producer')
  const tube = queue.tube('t')
  const results = await Promise.allSettled([tube.put('a'), tube.put('x'.repeat(20 * 1024 * 1024)), tube.put('b')])
  expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  expect(results[1]).toMatchObject({ reason: { code: 'TASK_TOO_LARGE', sent: true, retryable: false } })
})

test('a payload that cannot be encoded fails alone', async () => {
  const server = await startQueue('t:fifottl')
  const tube = (await server.queue()).tube('t')
  const results = await Promise.allSettled([tube.put('a'), tube.put({ deep: [() => 1] }), tube.put('b')])
  expect(results[1]).toMatchObject({ status: 'rejected', reason: { code: 'ENCODE_FAILED', sent: false } })
  expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(2)
})

test('creating a tube twice, or of an unknown type, is refused by code', async () => {
  const server = await startQueue('')
  const queue = await server.queue()
  const tube = await queue.createTube('new', { type: 'fifottl', ttr: 60 })
  await expect(queue.createTube('new', { type: 'fifo' })).rejects.toMatchObject({ code: 'TUBE_EXISTS' })
  await expect(queue.createTube('new', { type: 'fifo', ifNotExists: true })).resolves.toBe(tube)
  await expect(queue.createTube('odd', { type: 'stack' as 'fifo' })).rejects.toMatchObject({
    code: 'TUBE_TYPE_UNKNOWN',
  })
  await tube.put(1)
  await tube.truncate()
  await tube.drop()
  await expect(tube.put(1)).rejects.toMatchObject({ code: 'TUBE_NOT_FOUND' })
})

test('a tube with a taken task cannot be dropped', async () => {
  const server = await startQueue('t:fifottl')
  const tube = (await server.queue()).tube('t')
  await tube.put(1)
  const task = await tube.take(1)
  await expect(tube.drop()).rejects.toMatchObject({ code: 'TUBE_IN_USE' })
  await task?.ack()
  await expect(tube.drop()).resolves.toBeUndefined()
})

// Requirement 38.
test('users have the rights of their role and no more', async () => {
  const server = await startQueue('t:fifottl')
  const [producer, consumer] = [await server.queue('producer'), await server.queue('consumer')]
  await producer.tube('t').put('work')
  const task = await consumer.tube('t').take(1)
  await task?.ack()
  await expect(producer.tube('t').take(0)).rejects.toMatchObject({ code: 'ER_ACCESS_DENIED' })
  await expect(consumer.tube('t').put(1)).rejects.toMatchObject({ code: 'ER_ACCESS_DENIED' })
  await expect(producer.createTube('x', { type: 'fifo' })).rejects.toMatchObject({ code: 'ER_ACCESS_DENIED' })
  for (const role of ['producer', 'consumer'] as const) {
    const client = await connect(server.uriOf(role))
    await expect(client.select('_user', [])).rejects.toThrow()
    await expect(client.select('t', [])).rejects.toThrow()
    await expect(client.call('box.info')).rejects.toMatchObject({ code: 'ER_ACCESS_DENIED' })
    await expect(client.eval('return 1')).rejects.toMatchObject({ code: 'ER_ACCESS_DENIED' })
    await client.close()
  }
})

test('an instance without the queue says what is missing', async () => {
  const server = await startTarantool()
  const queue = await Queue.connect(server.uri)
  await expect(queue.tube('t').put(1)).rejects.toMatchObject({ code: 'QUEUE_SERVER_MISSING' })
  await queue.close()
})

import { Queue } from '@tarantella/queue'
import { msgpackLite } from '@tarantella/queue/msgpack-lite'
import { expect, onTestFinished, test } from 'vitest'
import { startQueue } from '../helpers/start-queue.ts'

const nested = { a: 1, '2': ['b', [13]] }
// Not UTF-8, UTF-8 that is no ASCII, ASCII.
const buffers = [Buffer.from([0, 255, 1, 128]), Buffer.from('Zoë'), Buffer.from('{}')]

test('requirement 39: payloads of every serializer live in one tube, and come back as they were put', async () => {
  const server = await startQueue('t:fifottl')
  const producer = await server.queue()
  producer.register('msgpack-lite', msgpackLite)
  const tube = producer.tube('t')
  const date = new Date(1_800_000_000_000)
  await tube.put(nested)
  await tube.put(nested, { serializer: 'json' })
  for (const bytes of buffers) await tube.put(bytes, { serializer: 'raw' })
  await tube.put('text', { serializer: 'raw' })
  await tube.put({ date, nested }, { serializer: 'msgpack-lite' })
  await tube.put({ $serializer: 'json', text: 'no envelope' })
  const tasks = await tube.takeMany(100, 1)
  expect(tasks.map(({ data }) => data)).toEqual([
    nested,
    nested,
    ...buffers,
    'text',
    { date, nested },
    { $serializer: 'json', text: 'no envelope' },
  ])
})

test('requirement 39: a consumer without the serializer gets an error that names it, and the task is not lost', async () => {
  const server = await startQueue('t:fifottl')
  const producer = await server.queue()
  producer.register('msgpack-lite', msgpackLite)
  const { id } = await producer.tube('t').put(nested, { serializer: 'msgpack-lite' })
  const consumer = await Queue.connect(server.uriOf('consumer'))
  onTestFinished(() => consumer.close({ graceMs: 0 }))
  await expect(consumer.tube('t').take(1)).rejects.toMatchObject({
    code: 'UNKNOWN_SERIALIZER',
    message: expect.stringContaining('msgpack-lite'),
    id,
  })
  expect(await producer.tube('t').info(id)).toMatchObject({
    state: 'buried',
    error: expect.stringContaining('msgpack-lite'),
  })
  expect(await producer.tube('t').kick()).toBe(1)
  expect((await producer.tube('t').take(1))?.data).toEqual(nested)
})

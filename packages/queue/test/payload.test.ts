import { decode, type RawMsgpack } from '@tarantella/connector'
import { describe, expect, test } from 'vitest'
import type { QueueOptions } from '../src/options.ts'
import { Queue } from '../src/queue.ts'
import { FakeCaller, FakeClock, settle } from './fake-caller.ts'

function start(options: QueueOptions = {}) {
  const caller = new FakeCaller()
  return { caller, queue: new Queue(caller, options, { clock: new FakeClock() }) }
}

/** The payloads of a put_many as they travel. */
function storedIn(call: { args: readonly unknown[] }): unknown[] {
  return (call.args[1] as RawMsgpack[]).map((item) => (decode(item.bytes) as unknown[])[0])
}

const nested = { a: 1, '2': ['b', [13]] }
const bytes = Buffer.from([0, 255, 1, 128])

test('each serializer has its mark in what is stored, and a native payload has none', async () => {
  const { caller, queue } = start()
  const tube = queue.tube('push')
  void tube.put(nested)
  void tube.put(nested, { serializer: 'json' })
  void tube.put(bytes, { serializer: 'raw' })
  void tube.put('text', { serializer: 'raw' })
  void tube.put({ $serializer: 'mine' })
  expect(storedIn(await caller.next('queue.put_many'))).toEqual([
    nested,
    { $serializer: 'json', text: '{"2":["b",[13]],"a":1}' },
    { $serializer: 'raw', bytes },
    { $serializer: 'raw', text: 'text' },
    { $serializer: 'native', value: { $serializer: 'mine' } },
  ])
})

test('requirement 39: payloads of several serializers in one tube are read by the name that travels with each', async () => {
  const { caller, queue } = start()
  const taking = queue.tube('push').takeMany(6)
  // Servers before 2.10 give binary back as a string, and a string of bytes that are no text comes as a Buffer.
  ;(await caller.next('queue.take_many')).answer([
    [1, 't', nested, 11],
    [2, 't', { $serializer: 'json', text: JSON.stringify(nested) }, 12],
    [3, 't', { $serializer: 'raw', bytes }, 13],
    [4, 't', { $serializer: 'raw', bytes: 'ascii' }, 14],
    [5, 't', { $serializer: 'raw', text: 'text' }, 15],
    [6, 't', { $serializer: 'native', value: { $serializer: 'mine' } }, 16],
  ])
  expect((await taking).map(({ data }) => data)).toEqual([
    nested,
    nested,
    bytes,
    Buffer.from('ascii'),
    'text',
    { $serializer: 'mine' },
  ])
})

test('a serializer of the queue, of a tube and of a put: the nearest one counts', async () => {
  const upper = { dump: (data: unknown) => String(data).toUpperCase(), load: (dumped: unknown) => dumped }
  const { caller, queue } = start({ serializer: 'upper', serializers: { upper } })
  queue.register('again', { dump: (data) => `${String(data)}!`, load: (dumped) => dumped })
  void queue.tube('a').put('x')
  void queue.tube('b', { serializer: 'again' }).put('x')
  void queue.tube('b').put('x', { serializer: 'native' })
  const [ofQueue, ofTube] = [await caller.next('queue.put_many'), await caller.next('queue.put_many')]
  expect([storedIn(ofQueue), storedIn(ofTube)]).toEqual([
    [{ $serializer: 'upper', text: 'X' }],
    [{ $serializer: 'again', text: 'x!' }, 'x'],
  ])
})

describe('what cannot be dumped or is not known is refused before anything is sent', () => {
  test.each([
    [1, 'raw', 'INVALID_ARGUMENT'],
    [1, 'nonsense', 'INVALID_ARGUMENT'],
  ])('%j by %s', async (data, serializer, code) => {
    const { caller, queue } = start()
    await expect(queue.tube('push').put(data, { serializer })).rejects.toMatchObject({ code })
    await expect(queue.tube('push').putMany([{ data: 1 }, { data, serializer }])).rejects.toMatchObject({ code })
    await settle()
    expect(caller.calls).toEqual([])
  })

  test('by options of the queue and of a tube', () => {
    expect(() => start({ serializer: 'nonsense' })).toThrow('serializer')
    const { queue } = start()
    expect(() => queue.tube('push', { serializer: 'nonsense' })).toThrow('no serializer nonsense')
    expect(() => queue.register('json', { dump: String, load: String })).toThrow('`name`')
    queue.tube('push', { serializer: 'json' })
    queue.tube('push', { serializer: 'json' })
    expect(() => queue.tube('push', { serializer: 'raw' })).toThrow('other options already')
  })
})

test('requirement 39: a taken task of an unknown serializer is kept aside, and the take rejects with its name', async () => {
  const { caller, queue } = start()
  const taking = queue.tube('push').take()
  ;(await caller.next('queue.take_many')).answer([[7, 't', { $serializer: 'avro', bytes }, 17]])
  const aside = await caller.next('queue.fail_many')
  expect(aside.args[1]).toMatchObject([[7, 17, { final: true, error: expect.stringContaining('avro') }]])
  aside.answer([[7, '!']])
  await expect(taking).rejects.toMatchObject({ name: 'PayloadError', code: 'UNKNOWN_SERIALIZER', tube: 'push', id: 7 })
})

test('a payload that its serializer cannot read goes back after the delay that the tube was given', async () => {
  const { caller, queue } = start()
  const taking = queue.tube('push', { undecodable: { delay: 60 } }).takeMany(2)
  ;(await caller.next('queue.take_many')).answer([
    [7, 't', { $serializer: 'json', text: '{' }, 17],
    [8, 't', 'good', 18],
  ])
  const aside = await caller.next('queue.fail_many')
  expect(aside.args[1]).toMatchObject([[7, 17, { delay: 60 }]])
  aside.answer([[7, '~']])
  const back = await caller.next('queue.release_many')
  expect(back.args[1]).toEqual([[8, 18]])
  back.answer([[8, 'r']])
  await expect(taking).rejects.toMatchObject({ code: 'PAYLOAD_UNREADABLE', cause: expect.any(SyntaxError) })
})

test('requirement 39: a worker tells of a task that it cannot read, keeps it aside, and goes on with the others', async () => {
  const { caller, queue } = start()
  const seen: unknown[] = []
  const worker = queue.tube('push').work((task) => seen.push(task.data), { concurrency: 2, prefetch: 0 })
  const told: unknown[] = []
  worker.on('undecodable', (task, error) => told.push([task.id, task.data, (error as { code: string }).code]))
  const avro = { $serializer: 'avro', text: 'x' }
  ;(await caller.next('queue.take_many')).answer([
    [7, 't', avro, 17],
    [8, 't', 'good', 18],
  ])
  const [aside, ack] = [await caller.next(), await caller.next()].toSorted((a, b) => b.fn.localeCompare(a.fn))
  expect([aside?.fn, ack?.fn]).toEqual(['queue.fail_many', 'queue.ack_many'])
  aside?.answer([[7, '!']])
  ack?.answer([[8, '-']])
  expect((await caller.next('queue.take_many')).args[1]).toBeLessThanOrEqual(2)
  expect([seen, told]).toEqual([['good'], [[7, avro, 'UNKNOWN_SERIALIZER']]])
  void worker.close()
})

test('a payload that is looked at by peek or by key is read too', async () => {
  const { caller, queue } = start()
  const tube = queue.tube('push')
  const peeking = tube.peek(1)
  ;(await caller.next('queue.peek')).answer([1, 'r', { $serializer: 'json', text: '[1]' }])
  expect(await peeking).toEqual({ id: 1, state: 'ready', data: [1] })
  const finding = tube.find({ key: 'k' })
  ;(await caller.next('queue.find')).answer([1, 'r', { $serializer: 'avro', text: '' }])
  await expect(finding).rejects.toMatchObject({ code: 'UNKNOWN_SERIALIZER' })
})

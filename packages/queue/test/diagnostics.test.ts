import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { expect, onTestFinished, test } from 'vitest'
import type { HandleMessage, PutMessage } from '../src/diagnostics.ts'
import { settle } from './fake-caller.ts'
import { manual, NOT_TAKEN, start, startQueue, task } from './start-worker.ts'
import { storedBy, take } from './told.ts'

/** What is told on the channels from now on, as [event, message]. */
function listenTo(...names: string[]): [string, unknown][] {
  const told: [string, unknown][] = []
  for (const name of names) {
    for (const event of ['start', 'asyncEnd', 'error']) {
      const channel = `tracing:tarantella:queue:${name}:${event}`
      const hear = (message: unknown): void => {
        told.push([`${name} ${event}`, { ...(message as object) }])
      }
      subscribe(channel, hear)
      onTestFinished(() => {
        unsubscribe(channel, hear)
      })
    }
  }
  return told
}

/** Calls `hear` with the messages of one channel. */
function onMessage(channel: string, hear: (message: never) => void): void {
  const listener = (message: unknown): void => {
    hear(message as never)
  }
  subscribe(`tracing:tarantella:queue:${channel}`, listener)
  onTestFinished(() => {
    unsubscribe(`tracing:tarantella:queue:${channel}`, listener)
  })
}

test('a put is told of from the call until it is confirmed, without its payload', async () => {
  const { caller, queue } = startQueue()
  const told = listenTo('put')
  await storedBy(caller, queue.tube('push'), 'secret')
  const message = { tube: 'push', count: 1, headers: {} }
  expect(told).toEqual([
    ['put start', message],
    ['put asyncEnd', { ...message, id: 5 }],
  ])
})

test('a batch is told of once, and with its error', async () => {
  const { caller, queue } = startQueue()
  const told = listenTo('put')
  const put = queue.tube('push').putMany([{ data: 1 }, { data: 2 }])
  ;(await caller.next()).answer([[0, 'r'], { code: 'QUEUE_FULL', message: 'full' }])
  await expect(put).rejects.toMatchObject({ code: 'BATCH_FAILED' })
  expect(told.map(([event, message]) => [event, (message as PutMessage).count])).toEqual([
    ['put start', 2],
    ['put error', 2],
    ['put asyncEnd', 2],
  ])
})

test('a take is told of with what it brought, and an ack with its outcome', async () => {
  const { caller, queue } = startQueue()
  const told = listenTo('take', 'settle')
  const taken = await take(caller, queue.tube('push'), 'secret')
  const refused = taken?.ack()
  ;(await caller.next('queue.ack_many')).answer([NOT_TAKEN])
  await expect(refused).rejects.toMatchObject({ code: 'TASK_NOT_TAKEN' })
  const settled = { tube: 'push', operation: 'ack', id: 5 }
  const error = expect.objectContaining({ code: 'TASK_NOT_TAKEN' })
  expect(told).toEqual([
    ['take start', { tube: 'push', wanted: 1, tasks: [] }],
    ['take asyncEnd', { tube: 'push', wanted: 1, tasks: [taken] }],
    ['settle start', settled],
    ['settle error', { ...settled, error }],
    ['settle asyncEnd', { ...settled, error }],
  ])
})

test('a take that brought nothing is told of as that', async () => {
  const { caller, queue } = startQueue()
  const told = listenTo('take')
  const nothing = queue.tube('push').takeMany(10, 0)
  ;(await caller.next('queue.take_many')).answer([])
  expect(await nothing).toEqual([])
  expect(told.at(-1)).toEqual(['take asyncEnd', { tube: 'push', wanted: 10, tasks: [] }])
})

test('runs of a handler are told of, those that fail with what they threw', async () => {
  const { runs, handler } = manual()
  const { caller } = start(handler, { concurrency: 2 })
  const told = listenTo('handle')
  ;(await caller.next('queue.take_many')).answer([task(1), task(2)])
  await settle()
  const error = new Error('no')
  runs[0]?.end()
  runs[1]?.fail(error)
  await settle()
  const one = { tube: 'push', id: 1, attempt: 1, headers: undefined }
  expect(told).toEqual([
    ['handle start', one],
    ['handle start', { ...one, id: 2 }],
    ['handle asyncEnd', one],
    ['handle error', { ...one, id: 2, error }],
    ['handle asyncEnd', { ...one, id: 2, error }],
  ])
})

test('a listener may run the handler in a context of its own', async () => {
  const { runs, handler } = manual()
  const { caller } = start(handler)
  const log: string[] = []
  onMessage('handle:start', (message: HandleMessage) => {
    message.within = (run) => {
      log.push('before', String(runs.length))
      const result = run()
      log.push('after', String(runs.length))
      return result
    }
  })
  ;(await caller.next('queue.take_many')).answer([task(1)])
  await settle()
  expect(log).toEqual(['before', '0', 'after', '1'])
})

test('headers that a listener adds travel beside any payload, to a task that is taken or handled', async () => {
  const { caller, queue } = startQueue()
  onMessage('put:start', ({ headers }: PutMessage) => {
    headers['traceparent'] = '00-1-2-01'
  })
  const tube = queue.tube('push')
  for (const data of [null, 7, 'text', [1], { user: 1 }, { $serializer: 'mine' }]) {
    const stored = await storedBy(caller, tube, data)
    expect(stored).toMatchObject({ $serializer: 'native', headers: { traceparent: '00-1-2-01' } })
    const taken = await take(caller, tube, stored)
    expect([taken?.data, taken?.headers]).toEqual([data, { traceparent: '00-1-2-01' }])
  }
})

test('headers of putMany and of another serializer travel too', async () => {
  const { caller, queue } = startQueue()
  onMessage('put:start', ({ headers }: PutMessage) => {
    headers['a'] = 'b'
  })
  const tube = queue.tube('json', { serializer: 'json' })
  const stored = await storedBy(caller, tube, { user: 1 })
  expect(stored).toEqual({ $serializer: 'json', text: '{"user":1}', headers: { a: 'b' } })
  expect(await take(caller, tube, stored)).toMatchObject({ data: { user: 1 }, headers: { a: 'b' } })
})

test('what is no text in the headers is not given on', async () => {
  const { caller, queue } = startQueue()
  const stored = { $serializer: 'native', value: 1, headers: { a: 'b', c: 5 } }
  expect(await take(caller, queue.tube('push'), stored)).toMatchObject({ data: 1, headers: { a: 'b' } })
  const none = await take(caller, queue.tube('push'), { ...stored, headers: [5] })
  expect(none?.headers).toBeUndefined()
})

test('without a listener a payload is stored as it is', async () => {
  const { caller, queue } = startQueue()
  expect(await storedBy(caller, queue.tube('push'), { user: 1 })).toEqual({ user: 1 })
})

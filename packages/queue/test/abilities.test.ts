import { ConnectionError, decode, type RawMsgpack, ServerError } from '@tarantella/connector'
import { expect, test } from 'vitest'
import { Queue } from '../src/queue.ts'
import { FakeCaller, FakeClock, settle } from './fake-caller.ts'

function start() {
  const caller = new FakeCaller()
  const clock = new FakeClock()
  const queue = new Queue(caller, {}, { clock })
  return { caller, clock, queue, tube: queue.tube('push') }
}

const LOST = new ConnectionError('CONNECTION_LOST', 'lost', { retryable: false, sent: true })

test('a function that the server does not have is named, and a missing queue is another error', async () => {
  const { caller, queue, tube } = start()
  const missing = new ServerError('ER_NO_SUCH_PROC', 33, 'Procedure is not defined', [], false)
  for (const call of [tube.info(1), tube.wait(1, 0), queue.putFlow({ tube: 'a', data: 1 }), queue.admin.tubes()]) {
    const { fn, fail } = await caller.next()
    fail(missing)
    await expect(call).rejects.toMatchObject({ code: 'FUNCTION_MISSING', message: expect.stringContaining(fn) })
  }
  const put = tube.put(1)
  ;(await caller.next('queue.put_many')).fail(missing)
  // It might be tarantool/queue, which is not asked for batches.
  ;(await caller.next('queue.statistics')).fail(missing)
  await expect(put).rejects.toMatchObject({ code: 'QUEUE_SERVER_MISSING' })
})

test('options of abilities go out in the names of the server', async () => {
  const { caller, queue, tube } = start()
  const backoff = { kind: 'linear', delay: 2 } as const
  void tube.put(1, { key: 'k', dedup: 'replace', taken: 'after', extend: true, window: 9, maxAttempts: 2, backoff })
  const put = await caller.next('queue.put_many')
  expect((put.args[1] as RawMsgpack[]).map((item) => decode(item.bytes))).toEqual([
    [1, { key: 'k', dedup: 'replace', taken: 'after', extend: true, window: 9, max_attempts: 2, backoff }],
  ])
  void queue.createTube('all', {
    type: 'utubettl',
    capacity: 5,
    onFull: 'drop_oldest',
    laneLimit: 2,
    aging: 60,
    laneRate: { rate: 1, burst: 2 },
    dedup: true,
    maxAttempts: 3,
    backoff,
    deadLetter: 'dead',
    keep: { count: 1, failedCount: 2, failedAge: 3 },
    events: ['put'],
    eventsKeep: 4,
    flows: false,
  })
  expect((await caller.next('queue.create_tube')).args[2]).toEqual({
    capacity: 5,
    on_full: 'drop_oldest',
    lane_limit: 2,
    aging: 60,
    lane_rate: { rate: 1, burst: 2 },
    dedup: true,
    max_attempts: 3,
    backoff,
    dead_letter: 'dead',
    keep: { count: 1, failed_count: 2, failed_age: 3 },
    events: ['put'],
    events_keep: 4,
  })
})

test('a put that waits for room travels alone, for as long as it may wait and a margin', async () => {
  const { caller, tube } = start()
  const put = tube.put('x', { timeout: 5, pri: 1 })
  const call = await caller.next('queue.put')
  expect(call.args[0]).toBe('push')
  expect(call.args[2]).toEqual({ pri: 1, timeout: 5 })
  expect(call.timeoutMs).toBe(15_000)
  call.answer(null)
  await expect(put).rejects.toMatchObject({ code: 'QUEUE_FULL', retryable: true })
})

test('a wait without a limit is made of requests that end, and the queue’s close ends it', async () => {
  const { caller, queue, tube } = start()
  const waiting = tube.wait(7)
  const first = await caller.next('queue.wait')
  expect([first.args, first.timeoutMs]).toEqual([['push', 7, 60], 70_000])
  first.answer({ id: 7, state: 'r' })
  const second = await caller.next('queue.wait')
  second.answer({ id: 7, state: 't', outcome: 'done', ended: 1_800_000_000.5, result: null })
  expect(await waiting).toEqual({
    id: 7,
    state: 'done',
    outcome: 'done',
    ended: new Date(1_800_000_000_500),
    result: null,
  })
  void queue.close()
  await expect(tube.wait(7)).rejects.toMatchObject({ code: 'QUEUE_CLOSED' })
})

test('events go on after the last one when the connection was lost, and say what may be missing', async () => {
  const { caller, clock, queue } = start()
  const events = queue.events({ tube: 'push', limit: 2 })
  const first = events.next()
  const now = await caller.next('queue.events')
  expect(now.args).toEqual([null, 2, 0, { tube: 'push' }])
  now.answer({ cursor: 10, events: [], gap: false })
  const lost = await caller.next('queue.events')
  expect(lost.args.slice(0, 3)).toEqual([10, 2, 20])
  caller.emit('disconnect')
  lost.fail(LOST)
  await settle()
  clock.advance(50)
  await settle()
  expect(caller.unseen).toEqual([])
  caller.emit('connect')
  const again = await caller.next('queue.events')
  expect(again.args[0]).toBe(10)
  again.answer({
    cursor: 14,
    events: [
      [13, 1_800_000_000, 'push', 5, 'put', '~', { at: 1_800_000_060 }],
      [14, 1_800_000_001, 'push', 5, 'ack', '-'],
    ],
    gap: true,
  })
  expect((await first).value).toEqual({
    seq: 13,
    time: new Date(1_800_000_000_000),
    tube: 'push',
    id: 5,
    event: 'put',
    state: 'delayed',
    at: new Date(1_800_000_060_000),
    isAfterGap: true,
  })
  expect((await events.next()).value).toMatchObject({ seq: 14, isAfterGap: false })
  const last = events.next()
  expect((await caller.next('queue.events')).args[0]).toBe(14)
  await queue.close()
  expect(await last).toEqual({ done: true, value: undefined })
})

test('a stream of events ends with the reason of its signal, and with a refusal that does not pass', async () => {
  const { caller, queue } = start()
  const abort = new AbortController()
  const aborted = queue.events({ after: 0, signal: abort.signal }).next()
  await caller.next('queue.events')
  abort.abort(new Error('enough'))
  await expect(aborted).rejects.toThrow('enough')
  const refused = queue.events({ after: 0 }).next()
  ;(await caller.next('queue.events')).fail(new ServerError('ER_NO_SUCH_PROC', 33, 'no', [], false))
  await expect(refused).rejects.toMatchObject({ code: 'FUNCTION_MISSING' })
})

test('an aborted takeAny is called back, and what it still brings goes back to the tubes', async () => {
  const { caller, queue } = start()
  const abort = new AbortController()
  const taking = queue.takeAny({ a: 2, b: 1 }, 30, { signal: abort.signal })
  const take = await caller.next('queue.take_any')
  expect([take.args, take.timeoutMs]).toEqual([[{ a: 2, b: 1 }, 30, { n: 1, key: expect.any(Number) }], 40_000])
  abort.abort(new Error('enough'))
  await expect(taking).rejects.toThrow('enough')
  const { key } = take.args[2] as { key: number }
  expect((await caller.next('queue.cancel_take')).args).toEqual(['a', key])
  take.answer([['b', 1, 't', 'late', 11]])
  expect((await caller.next('queue.release_many')).args).toEqual(['b', [[1, 11]]])
  await expect(queue.takeAny([])).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
})

test('answers of the wrong shape are errors, not crashes', async () => {
  const { caller, queue, tube } = start()
  const asks = [
    () => tube.info(1),
    () => tube.result(1),
    () => tube.waitAll([1], 0),
    () => tube.children(1),
    () => tube.redrive(),
    () => queue.topics(),
    () => queue.publish('t', 1),
    () => queue.putFlow({ tube: 'a', data: 1 }),
    () => queue.takeAny(['a'], 0),
    () => queue.events({ after: 0 }).next(),
    () => queue.admin.list('push'),
    () => queue.admin.get('push', 1),
    () => queue.admin.tubes(),
    () => queue.admin.drain('push'),
  ]
  for (const ask of asks) {
    const answer = ask()
    ;(await caller.next()).answer('nonsense')
    await expect(answer).rejects.toMatchObject({ code: 'UNEXPECTED_REPLY', sent: true })
  }
})

import { decode, RawMsgpack, ServerError } from '@tarantella/connector'
import { expect, test } from 'vitest'
import { BatchError } from '../src/errors.ts'
import { Queue } from '../src/queue.ts'
import { FakeCaller, FakeClock, settle } from './fake-caller.ts'

function start() {
  const caller = new FakeCaller()
  const clock = new FakeClock()
  const queue = new Queue(caller, {}, { clock })
  return { caller, clock, queue, tube: queue.tube('push') }
}

/** What a put's item says on the wire. */
function unpack(item: unknown): unknown {
  if (!(item instanceof RawMsgpack)) throw new Error('not encoded')
  return decode(item.bytes)
}

test('puts of one turn travel in one call, each with its payload and its own options', async () => {
  const { caller, tube } = start()
  const puts = [tube.put({ user: 1 }), tube.put('two', { delay: 5, ttl: 3600, ttr: 30, pri: 1, utube: 'ios' })]
  const call = await caller.next('queue.put_many')
  expect(call.args[0]).toBe('push')
  expect((call.args[1] as unknown[]).map(unpack)).toEqual([
    [{ user: 1 }],
    ['two', { pri: 1, ttl: 3600, ttr: 30, delay: 5, utube: 'ios' }],
  ])
  call.answer([
    [0, 'r'],
    [1, '~'],
  ])
  expect(await Promise.all(puts)).toEqual([
    { id: 0, state: 'ready' },
    { id: 1, state: 'delayed' },
  ])
})

test('a payload is what it was when put was called', async () => {
  const { caller, tube } = start()
  const payload = { user: 1 }
  void tube.put(payload)
  payload.user = 2
  const call = await caller.next()
  expect((call.args[1] as unknown[]).map(unpack)).toEqual([[{ user: 1 }]])
})

test('a payload that cannot be encoded rejects alone; the put beside it goes out', async () => {
  const { caller, tube } = start()
  const bad = tube.put({ f: () => 1 })
  const good = tube.put('good')
  await expect(bad).rejects.toMatchObject({ code: 'ENCODE_FAILED', sent: false })
  const call = await caller.next()
  expect(call.args[1]).toHaveLength(1)
  call.answer([[5, 'r']])
  expect(await good).toEqual({ id: 5, state: 'ready' })
})

test.each([
  [{ delay: -1 }, 'delay'],
  [{ ttl: Number.NaN }, 'ttl'],
  [{ ttr: Number.POSITIVE_INFINITY }, 'ttr'],
  [{ pri: 0.5 }, 'pri'],
  [{ utube: 7 as unknown as string }, 'utube'],
  [{ at: new Date('never') }, 'at'],
])('put options %j are refused by name, and nothing is sent', async (options, name) => {
  const { caller, tube } = start()
  await expect(tube.put(1, options)).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringContaining(`\`${name}\``),
  })
  await settle()
  expect(caller.calls).toEqual([])
})

// Requirement 19.
test('an absolute time goes out as unix seconds, and excludes a delay', async () => {
  const { caller, tube } = start()
  await expect(tube.put(1, { at: new Date(), delay: 1 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  void tube.put(1, { at: new Date(1_800_000_000_500) })
  const call = await caller.next()
  expect((call.args[1] as unknown[]).map(unpack)).toEqual([[1, { at: 1_800_000_000.5 }]])
})

test('putMany rejects when items fail, and says what became of each', async () => {
  const { caller, tube } = start()
  const put = tube.putMany([{ data: 1 }, { data: 2, delay: 3 }])
  const call = await caller.next('queue.put_many')
  call.answer([[1, 'r'], { code: 'TASK_TOO_LARGE', message: 'too large' }])
  const error: unknown = await put.catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(BatchError)
  expect(error).toMatchObject({
    code: 'BATCH_FAILED',
    results: [
      { status: 'fulfilled', value: { id: 1 } },
      { status: 'rejected', reason: { code: 'TASK_TOO_LARGE', sent: true } },
    ],
  })
})

// Requirement 3.
test('a task is acked with the token of its delivery, and once', async () => {
  const { caller, tube } = start()
  const take = tube.take(0.5)
  ;(await caller.next('queue.take_many')).answer([[3, 't', { user: 9 }, 77]])
  const task = await take
  expect(task).toMatchObject({ id: 3, data: { user: 9 }, state: 'taken', tube: 'push' })
  const ack = task?.ack()
  await expect(task?.release()).rejects.toMatchObject({ code: 'TASK_SETTLED', sent: false })
  const call = await caller.next('queue.ack_many')
  expect(call.args).toEqual(['push', [[3, 77]]])
  call.answer([[3, '-']])
  await ack
  expect(task?.state).toBe('done')
  await expect(task?.ack()).rejects.toMatchObject({ code: 'TASK_SETTLED' })
})

test('a refused ack can be repeated', async () => {
  const { caller, tube } = start()
  const take = tube.take(0.5)
  ;(await caller.next()).answer([[3, 't', null, 77]])
  const task = await take
  const refused = task?.ack()
  ;(await caller.next('queue.ack_many')).answer([{ code: 'TASK_NOT_TAKEN', message: 'Task was not taken' }])
  await expect(refused).rejects.toMatchObject({ code: 'TASK_NOT_TAKEN', sent: true, retryable: false })
  const again = task?.ack()
  ;(await caller.next('queue.ack_many')).answer([[3, '-']])
  await expect(again).resolves.toBeUndefined()
})

test('release, bury, touch and delete send their arguments', async () => {
  const { caller, tube } = start()
  const takes = [tube.take(), tube.take(), tube.take(), tube.take()]
  ;(await caller.next()).answer([1, 2, 3, 4].map((id) => [id, 't', null, 10 + id]))
  const [a, b, c, d] = await Promise.all(takes)
  void a?.release({ delay: 2.5 })
  void b?.bury()
  void c?.touch(30)
  void d?.delete()
  await settle()
  expect(caller.calls.slice(1).map((call) => [call.fn, call.args[1]])).toEqual([
    ['queue.release_many', [[1, 11, { delay: 2.5 }]]],
    ['queue.bury_many', [[2, 12]]],
    ['queue.touch_many', [[3, 13, 30]]],
    ['queue.delete_many', [[4, 14]]],
  ])
})

test('for await takes one task after another and ends when the queue closes', async () => {
  const { caller, queue, tube } = start()
  const seen: unknown[] = []
  const loop = (async () => {
    for await (const task of tube) {
      seen.push(task.data)
      if (seen.length === 2) void queue.close()
    }
  })()
  ;(await caller.next('queue.take_many')).answer([[1, 't', 'a', 11]])
  ;(await caller.next('queue.take_many')).answer([[2, 't', 'b', 12]])
  await loop
  expect(seen).toEqual(['a', 'b'])
})

// Requirement 33.
test('leaving the loop by break or throw releases the task it was left with', async () => {
  const { caller, tube } = start()
  const broken = (async () => {
    for await (const task of tube) if (task.id === 1) break
  })()
  ;(await caller.next('queue.take_many')).answer([[1, 't', 'a', 11]])
  ;(await caller.next('queue.release_many')).answer([[1, 'r']])
  await broken
  const thrown = (async () => {
    for await (const task of tube) throw new Error(`no ${task.id}`)
  })()
  ;(await caller.next('queue.take_many')).answer([[2, 't', 'a', 12]])
  ;(await caller.next('queue.release_many')).answer([[2, 'r']])
  await expect(thrown).rejects.toThrow('no 2')
})

test('an acked task is not released by break', async () => {
  const { caller, tube } = start()
  const loop = (async () => {
    for await (const task of tube) {
      await task.ack()
      break
    }
  })()
  ;(await caller.next('queue.take_many')).answer([[1, 't', 'a', 11]])
  ;(await caller.next('queue.ack_many')).answer([[1, '-']])
  await loop
  await settle()
  expect(caller.unseen).toEqual([])
})

test('takeMany brings what there is; aborted, it is called back and late tasks return', async () => {
  const { caller, tube } = start()
  const take = tube.takeMany(10, 1)
  ;(await caller.next('queue.take_many')).answer([
    [1, 't', 'a', 11],
    [2, 't', 'b', 12],
  ])
  expect((await take).map((task) => task.data)).toEqual(['a', 'b'])
  const abort = new AbortController()
  const late = tube.takeMany(10, 1, { signal: abort.signal })
  const call = await caller.next('queue.take_many')
  abort.abort(new Error('enough'))
  await expect(late).rejects.toThrow('enough')
  expect((await caller.next('queue.cancel_take')).args[1]).toBe((call.args[3] as { key: number }).key)
  call.answer([[3, 't', 'c', 13]])
  expect((await caller.next('queue.release_many')).args[1]).toEqual([[3, 13]])
})

test('errors of the server become queue errors with its codes; others pass as they are', async () => {
  const { caller, tube } = start()
  const frame = {
    type: 'CustomError',
    file: 'f',
    line: 1,
    message: 'Tube not found',
    errno: 0,
    number: 0,
    fields: { custom_type: 'TUBE_NOT_FOUND' },
  }
  const put = tube.put(1)
  ;(await caller.next()).fail(new ServerError('ER_UNKNOWN', 0, 'Tube not found', [frame], false))
  await expect(put).rejects.toMatchObject({
    name: 'QueueError',
    code: 'TUBE_NOT_FOUND',
    message: 'Tube not found',
    sent: true,
  })

  const denied = new ServerError('ER_ACCESS_DENIED', 42, 'Execute access denied', [], false)
  const kick = tube.kick()
  ;(await caller.next()).fail(denied)
  await expect(kick).rejects.toBe(denied)

  const peek = tube.peek(1)
  ;(await caller.next()).fail(
    new ServerError('ER_NO_SUCH_PROC', 33, "Procedure 'queue.peek' is not defined", [], false),
  )
  await expect(peek).rejects.toMatchObject({ code: 'QUEUE_SERVER_MISSING' })
})

test.each([[[]], [['nonsense']], [[[[1, 'z']]]], [[[1]]]])(
  'an answer %j of the wrong shape is an error, not a crash',
  async (values) => {
    const { caller, tube } = start()
    const put = tube.put(1)
    ;(await caller.next()).answer(...values)
    await expect(put).rejects.toMatchObject({ code: 'UNEXPECTED_REPLY', sent: true })
  },
)

test('health is read field by field', async () => {
  const { caller, queue } = start()
  const health = queue.health()
  ;(await caller.next('queue.health')).answer({
    ready: true,
    state: 'RUNNING',
    version: '1',
    server: '2.6.0',
    tubes: 3,
    warnings: ['w'],
  })
  expect(await health).toEqual({
    ready: true,
    state: 'RUNNING',
    version: '1',
    server: '2.6.0',
    tubes: 3,
    warnings: ['w'],
  })
  const odd = queue.health()
  ;(await caller.next('queue.health')).answer(null)
  await expect(odd).rejects.toMatchObject({ code: 'UNEXPECTED_REPLY' })
})

test('close lets calls that were made reach the server, and stops listening to the connection', async () => {
  const { caller, queue, tube } = start()
  const put = tube.put(1)
  const closing = queue.close()
  ;(await caller.next('queue.put_many')).answer([[1, 'r']])
  await put
  await closing
  expect(queue.close()).toBe(closing)
  expect(caller.eventNames()).toEqual([])
  expect(() => queue.tube('x')).toThrow('closed')
})

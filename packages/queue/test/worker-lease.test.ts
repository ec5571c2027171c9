import { ConnectionError } from '@tarantella/connector'
import { expect, test } from 'vitest'
import { resolveWorkerOptions } from '../src/worker/options.ts'
import { settle } from './fake-caller.ts'
import { manual, NOT_TAKEN, type Started, start, startQueue, task } from './start-worker.ts'

const LOST = new ConnectionError('CONNECTION_LOST', 'lost', { retryable: false, sent: true })

async function advance({ clock }: Started, ms: number): Promise<void> {
  clock.advance(ms)
  await settle()
}

async function deliver(started: Started, ...ids: number[]): Promise<void> {
  ;(await started.caller.next('queue.take_many')).answer(ids.map(task))
  await settle()
}

// Requirement 4: a hung worker does not keep its task for ever, a busy one does not lose it.
test('running tasks are touched three times per ttr, in one call, by the time that has passed', async () => {
  const { runs, handler } = manual()
  const started = start(handler, { concurrency: 2, ttr: 30 })
  await deliver(started, 1, 2)
  for (const touched of [1, 2, 3, 4]) {
    await advance(started, 9_999)
    expect(started.caller.unseen).toEqual([])
    await advance(started, 1)
    const touch = await started.caller.next('queue.touch_many')
    expect(touch.args).toEqual([
      'push',
      [
        [1, 1001, 10],
        [2, 1002, 10],
      ],
    ])
    touch.answer([
      [1, 't'],
      [2, 't'],
    ])
    await settle()
    expect(
      runs.some(({ signal }) => signal.aborted),
      `after touch ${touched}`,
    ).toBe(false)
  }
  void started.worker.close()
})

test('a touch adds the time since the last one that was confirmed', async () => {
  const { handler } = manual()
  const started = start(handler, { concurrency: 1, ttr: 30 })
  await deliver(started, 1)
  await advance(started, 10_000)
  const first = await started.caller.next('queue.touch_many')
  await advance(started, 10_000)
  expect(started.caller.unseen).toEqual([])
  first.answer([{ code: 'TASK_BUSY', message: 'busy' }])
  const second = await started.caller.next('queue.touch_many')
  expect(second.args[1]).toEqual([[1, 1001, 20]])
  second.answer([[1, 't']])
  await settle()
  await advance(started, 10_000)
  expect((await started.caller.next('queue.touch_many')).args[1]).toEqual([[1, 1001, 10]])
  void started.worker.close()
})

test('a finished task is not touched any more, and no timer is left after close', async () => {
  const { runs, handler } = manual()
  const started = start(handler, { concurrency: 1, ttr: 30 })
  await deliver(started, 1)
  runs[0]?.end()
  ;(await started.caller.next('queue.ack_many')).answer([[1, '-']])
  await started.caller.next('queue.take_many')
  await advance(started, 10_000)
  expect(started.caller.unseen).toEqual([])
  expect(started.clock.sleeping).toBe(0)
  await started.worker.close()
  expect(started.clock.sleeping).toBe(0)
})

test('a task whose outcome is on its way is not touched', async () => {
  const { runs, handler } = manual()
  const started = start(handler, { concurrency: 1, ttr: 30 })
  await deliver(started, 1)
  runs[0]?.end()
  await started.caller.next('queue.ack_many')
  await advance(started, 10_000)
  expect(started.caller.unseen).toEqual([])
  void started.worker.close()
})

test('a handler that goes on after it has acked its task is not told of a lost lease', async () => {
  const { runs, handler } = manual()
  const started = start(
    async (t, context) => {
      await t.ack()
      await handler(t, context)
    },
    { concurrency: 1, ttr: 30 },
  )
  await deliver(started, 1)
  ;(await started.caller.next('queue.ack_many')).answer([[1, '-']])
  await settle()
  for (let beat = 0; beat < 5; beat += 1) await advance(started, 10_000)
  expect(runs[0]?.signal.aborted).toBe(false)
  expect(started.caller.unseen).toEqual([])
  void started.worker.close()
})

test("the handler's signal aborts when a touch is refused, and what it throws then is no failure", async () => {
  const { runs, handler } = manual()
  const started = start(handler, { concurrency: 2, ttr: 30 })
  const told: unknown[] = []
  started.worker.on('failed', () => told.push('failed'))
  started.worker.on('lost', ({ id }) => told.push(`lost ${id}`))
  await deliver(started, 1, 2)
  await advance(started, 10_000)
  ;(await started.caller.next('queue.touch_many')).answer([NOT_TAKEN, [2, 't']])
  await settle()
  expect(runs.map(({ signal }) => signal.aborted)).toEqual([true, false])
  expect(runs[0]?.signal.reason).toMatchObject({ code: 'LEASE_LOST' })
  runs[0]?.fail(runs[0].signal.reason)
  const release = await started.caller.next('queue.release_many')
  expect(release.args[1]).toEqual([[1, 1001, { delay: 0 }]])
  release.answer([NOT_TAKEN])
  await settle()
  expect(told).toEqual(['lost 1'])
  void started.worker.close()
})

test('a lease that no touch was confirmed for in a whole ttr is lost', async () => {
  const { runs, handler } = manual()
  const started = start(handler, { concurrency: 1, ttr: 30 })
  await deliver(started, 1)
  started.caller.emit('disconnect')
  await advance(started, 10_000)
  ;(await started.caller.next('queue.touch_many')).fail(LOST)
  await settle()
  await advance(started, 10_000)
  ;(await started.caller.next('queue.touch_many')).fail(LOST)
  await settle()
  expect(runs[0]?.signal.aborted).toBe(false)
  await advance(started, 10_000)
  expect(runs[0]?.signal.reason).toMatchObject({ code: 'LEASE_LOST', cause: LOST })
  // The work is done all the same: the server accepts it if nobody else was given the task.
  runs[0]?.end()
  ;(await started.caller.next('queue.ack_many')).answer([[1, '-']])
  void started.worker.close()
})

// Requirement 1: a reconnect makes leases doubtful; the server is asked, nothing is guessed.
test('after a reconnect all leases are taken up at once for a whole ttr, and those that are gone abort', async () => {
  const { runs, handler } = manual()
  const started = start(handler, { concurrency: 2, ttr: 30 })
  await deliver(started, 1, 2)
  await advance(started, 4_000)
  started.caller.emit('disconnect')
  started.caller.emit('connect')
  const touch = await started.caller.next('queue.touch_many')
  expect(touch.args[1]).toEqual([
    [1, 1001, 30],
    [2, 1002, 30],
  ])
  touch.answer([[1, 't'], NOT_TAKEN])
  await settle()
  expect(runs.map(({ signal }) => signal.aborted)).toEqual([false, true])
  void started.worker.close()
})

test('a session that comes while a touch is under way has its leases asked for again', async () => {
  const { handler } = manual()
  const started = start(handler, { concurrency: 1, ttr: 30 })
  await deliver(started, 1)
  await advance(started, 10_000)
  const old = await started.caller.next('queue.touch_many')
  started.caller.emit('connect')
  await settle()
  expect(started.caller.unseen).toEqual([])
  old.fail(LOST)
  expect((await started.caller.next('queue.touch_many')).args[1]).toEqual([[1, 1001, 30]])
  void started.worker.close()
})

test('a tube without touch is told of once, and its handlers go on', async () => {
  const { runs, handler } = manual()
  const started = start(handler, { concurrency: 2, ttr: 30 })
  const refused: unknown[] = []
  started.worker.on('refused', (error) => refused.push(error))
  await deliver(started, 1, 2)
  await advance(started, 10_000)
  const frame = { fields: { custom_type: 'INVALID_ARGUMENT' } }
  const failure = Object.assign(new Error('fifo queue does not support touch'), { code: 'ER_UNKNOWN', frames: [frame] })
  ;(await started.caller.next('queue.touch_many')).fail(failure)
  await settle()
  await advance(started, 60_000)
  expect(started.caller.unseen).toEqual([])
  expect(refused).toMatchObject([{ code: 'INVALID_ARGUMENT' }])
  expect(runs.some(({ signal }) => signal.aborted)).toBe(false)
  void started.worker.close()
})

// Requirement 4: buffer time and work stay below the ttr.
// Requirement 4.
test('tasks that wait for a handler are touched, too, and one that is lost never starts', async () => {
  const { runs, handler } = manual()
  const started = start(handler, { concurrency: 1, prefetch: 2, ttr: 30 })
  const lost: number[] = []
  started.worker.on('lost', ({ id }) => lost.push(id))
  await deliver(started, 1, 2, 3)
  await advance(started, 10_000)
  const touch = await started.caller.next('queue.touch_many')
  expect(touch.args[1]).toHaveLength(3)
  touch.answer([[1, 't'], NOT_TAKEN, [3, 't']])
  expect((await started.caller.next('queue.take_many')).args[1]).toBe(1)
  runs[0]?.end()
  await settle()
  expect(runs.map(({ id }) => id)).toEqual([1, 3])
  expect(lost).toEqual([2])
  void started.worker.close()
})

// Requirement 4.
test('without a heartbeat, tasks that wait for a third of their ttr go back', async () => {
  const { runs, handler } = manual()
  const started = start(handler, { concurrency: 1, prefetch: 1, ttr: 30, heartbeat: false })
  await deliver(started, 1, 2)
  await advance(started, 10_000)
  const back = await started.caller.next('queue.release_many')
  expect(back.args[1]).toEqual([[2, 1002]])
  back.answer([[2, 'r']])
  await started.caller.next('queue.take_many')
  runs[0]?.end()
  await started.caller.next('queue.ack_many')
  await advance(started, 60_000)
  expect(runs.map(({ id }) => id)).toEqual([1])
  void started.worker.close()
})

test('the ttr that createTube named is that of its workers', async () => {
  const { caller, clock, queue } = startQueue()
  const creating = queue.createTube('push', { type: 'fifottl', ttr: 6 })
  ;(await caller.next('queue.create_tube')).answer()
  const worker = (await creating).work(manual().handler, { concurrency: 1 })
  ;(await caller.next('queue.take_many')).answer([task(1)])
  await settle()
  clock.advance(2000)
  expect((await caller.next('queue.touch_many')).args[1]).toEqual([[1, 1001, 2]])
  void worker.close()
})

test('the ttr of a tube whose type has none is no reason for a heartbeat', async () => {
  const { caller, clock, queue } = startQueue()
  const creating = queue.createTube('push', { type: 'fifo', ttr: 6 })
  ;(await caller.next('queue.create_tube')).answer()
  const worker = (await creating).work(manual().handler, { concurrency: 1 })
  ;(await caller.next('queue.take_many')).answer([task(1)])
  await settle()
  clock.advance(60_000)
  await settle()
  expect(caller.unseen).toEqual([])
  void worker.close()
})

test('a heartbeat is refused where no ttr is known, and a ttr of nothing', () => {
  expect(() => resolveWorkerOptions({ heartbeat: true })).toThrow('Expected `ttr` to be given with `heartbeat`')
  expect(() => resolveWorkerOptions({ ttr: 0 })).toThrow('Expected `ttr` to be seconds > 0')
  expect(() => resolveWorkerOptions({ ttr: Number.POSITIVE_INFINITY })).toThrow('Expected `ttr` to be seconds > 0')
})

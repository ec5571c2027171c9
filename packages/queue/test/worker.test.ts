import { ConnectionError, ServerError } from '@tarantella/connector'
import { expect, test } from 'vitest'
import { settle } from './fake-caller.ts'
import { manual, start, task } from './start-worker.ts'

const noRetryNoise = { retry: { jitter: 0 } }

test('asks for as many tasks as handlers may run, waits without limit, and acks what they finish', async () => {
  const seen: unknown[] = []
  const { caller, worker } = start((t) => seen.push(t.data), { concurrency: 4 })
  const take = await caller.next('queue.take_many')
  expect(take.args.slice(0, 3)).toEqual(['push', 4, null])
  take.answer([task(1), task(2)])
  expect((await caller.next('queue.take_many')).args[1]).toBe(2)
  const ack = await caller.next('queue.ack_many')
  expect(ack.args).toEqual([
    'push',
    [
      [1, 1001],
      [2, 1002],
    ],
  ])
  expect(seen).toEqual([{ n: 1 }, { n: 2 }])
  void worker.close()
})

test('never runs more handlers than its concurrency, and asks for more only when one has ended', async () => {
  const { runs, handler } = manual()
  const { caller, worker } = start(handler, { concurrency: 2 })
  ;(await caller.next('queue.take_many')).answer([task(1), task(2)])
  await settle()
  expect(worker.running).toBe(2)
  expect(caller.unseen).toEqual([])
  runs[0]?.end()
  ;(await caller.next('queue.ack_many')).answer([[1, '-']])
  expect((await caller.next('queue.take_many')).args[1]).toBe(1)
  void worker.close()
})

// Requirement 5.
test('a handler that throws has its task delayed longer and longer, then no more', async () => {
  const failures: unknown[] = []
  const { caller, worker } = start(
    () => {
      throw new Error('503')
    },
    { concurrency: 1, retry: { attempts: 3, delay: 2, jitter: 0 } },
  )
  worker.on('failed', (_task, error, next) => failures.push([(error as Error).message, next]))
  for (const delay of [2, 4]) {
    ;(await caller.next('queue.take_many')).answer([task(1)])
    const release = await caller.next('queue.fail_many')
    expect(release.args[1]).toEqual([[1, 1001, { error: 'Error: 503', delay }]])
    release.answer([[1, '~']])
  }
  ;(await caller.next('queue.take_many')).answer([task(1)])
  const end = await caller.next('queue.fail_many')
  expect(end.args[1]).toEqual([[1, 1001, { error: 'Error: 503', final: true }]])
  expect(failures).toEqual([
    ['503', { action: 'release', delay: 2 }],
    ['503', { action: 'release', delay: 4 }],
    ['503', { action: 'bury' }],
  ])
  void worker.close()
})

test('a handler is told which try it is', async () => {
  const { runs, handler } = manual()
  const { caller, worker } = start(handler, { concurrency: 1, ...noRetryNoise })
  ;(await caller.next('queue.take_many')).answer([task(1)])
  await settle()
  runs[0]?.fail(new Error('once'))
  ;(await caller.next('queue.fail_many')).answer([[1, '~']])
  ;(await caller.next('queue.take_many')).answer([task(1)])
  await settle()
  expect(runs.map((run) => run.attempt)).toEqual([1, 2])
  void worker.close()
})

test('a task that the handler settled itself is left alone', async () => {
  const { caller, worker } = start(async (t) => {
    await t.bury()
  })
  ;(await caller.next('queue.take_many')).answer([task(1)])
  ;(await caller.next('queue.bury_many')).answer([[1, '!']])
  expect((await caller.next()).fn).toBe('queue.take_many')
  await settle()
  expect(caller.unseen).toEqual([])
  void worker.close()
})

// Requirement 2.
test('an ack that the connection was lost with is sent again after the reconnect', async () => {
  const completed: number[] = []
  const { caller, worker } = start(() => undefined, { concurrency: 1 })
  worker.on('completed', (t) => completed.push(t.id))
  ;(await caller.next('queue.take_many')).answer([task(1)])
  const ack = await caller.next('queue.ack_many')
  caller.emit('disconnect')
  ack.fail(new ConnectionError('CONNECTION_LOST', 'lost', { retryable: false, sent: true }))
  await settle()
  expect(caller.unseen).toEqual([])
  caller.emit('connect')
  const again = await caller.next('queue.ack_many')
  expect(again.args).toEqual(['push', [[1, 1001]]])
  again.answer([[1, '-']])
  await settle()
  expect(completed).toEqual([1])
  void worker.close()
})

test('an ack that the server could not write is sent again after a pause, for it keeps the lease', async () => {
  const { caller, clock, worker } = start(() => undefined, { concurrency: 1 })
  const completed: number[] = []
  worker.on('completed', (t) => completed.push(t.id))
  ;(await caller.next('queue.take_many')).answer([task(1)])
  const full = new ServerError('ER_WAL_IO', 40, 'Failed to write to disk', [], false)
  for (const pause of [50, 100]) {
    ;(await caller.next('queue.ack_many')).fail(full)
    await settle()
    clock.advance(pause - 1)
    await settle()
    expect(caller.unseen).toEqual([])
    clock.advance(1)
  }
  ;(await caller.next('queue.ack_many')).answer([[1, '-']])
  await settle()
  expect(completed).toEqual([1])
  void worker.close()
})

test('an outcome that is refused for good is reported, and the worker goes on', async () => {
  const { caller, worker } = start(() => undefined, { concurrency: 1 })
  const refused: unknown[] = []
  worker.on('refused', (error) => refused.push(error))
  ;(await caller.next('queue.take_many')).answer([task(1)])
  const denied = new ServerError('ER_ACCESS_DENIED', 42, 'denied', [], false)
  ;(await caller.next('queue.ack_many')).fail(denied)
  await caller.next('queue.take_many')
  expect(refused).toEqual([denied])
  void worker.close()
})

test('many handlers may listen to their signal without a warning', async () => {
  const warnings: unknown[] = []
  const listen = (warning: Error): void => void warnings.push(warning)
  process.on('warning', listen)
  const { runs, handler } = manual()
  const { caller, worker } = start(
    (t, context) => {
      context.signal.addEventListener('abort', () => undefined)
      return handler(t, context)
    },
    { concurrency: 30 },
  )
  ;(await caller.next('queue.take_many')).answer(Array.from({ length: 30 }, (_, i) => task(i)))
  await settle()
  expect(runs).toHaveLength(30)
  process.off('warning', listen)
  expect(warnings).toEqual([])
  for (const run of runs) run.end()
  void worker.close()
})

// Requirement 1.
test('an outcome that comes too late is reported as lost, and the worker goes on', async () => {
  const lost: number[] = []
  const { caller, worker } = start(() => undefined, { concurrency: 1 })
  worker.on('lost', (t) => lost.push(t.id))
  ;(await caller.next('queue.take_many')).answer([task(1)])
  ;(await caller.next('queue.ack_many')).answer([{ code: 'TASK_NOT_TAKEN', message: 'Task was not taken' }])
  await caller.next('queue.take_many')
  expect(lost).toEqual([1])
  void worker.close()
})

test('a take that fails for a passing reason is repeated after a pause and a reconnect', async () => {
  const refused: unknown[] = []
  const { caller, clock, worker } = start(() => undefined)
  worker.on('refused', (error) => refused.push(error))
  const error = new ConnectionError('CONNECTION_LOST', 'lost', { retryable: false, sent: true })
  caller.emit('disconnect')
  ;(await caller.next('queue.take_many')).fail(error)
  await settle()
  clock.advance(50)
  await settle()
  expect(caller.unseen).toEqual([])
  caller.emit('connect')
  await caller.next('queue.take_many')
  expect(refused).toEqual([error])
  void worker.close()
})

test('a worker whose tube is gone stops, and says so', async () => {
  const { caller, worker } = start(() => undefined)
  const frame = { fields: { custom_type: 'TUBE_NOT_FOUND' } }
  const failure = Object.assign(new Error('Tube not found'), { code: 'ER_UNKNOWN', frames: [frame] })
  ;(await caller.next('queue.take_many')).fail(failure)
  await expect(worker.finished).rejects.toMatchObject({ code: 'TUBE_NOT_FOUND' })
  expect(worker.state).toBe('stopped')
})

// Requirement 31.
test('close takes nothing more, gives back what has not started, and waits for running handlers', async () => {
  const { runs, handler } = manual()
  const { caller, worker } = start(handler, { concurrency: 1, prefetch: 2 })
  ;(await caller.next('queue.take_many')).answer([task(1), task(2), task(3)])
  await settle()
  const closing = worker.close()
  expect(worker.state).toBe('draining')
  const back = await caller.next('queue.release_many')
  expect(back.args[1]).toEqual([
    [2, 1002],
    [3, 1003],
  ])
  back.answer([
    [2, 'r'],
    [3, 'r'],
  ])
  await settle()
  runs[0]?.end()
  ;(await caller.next('queue.ack_many')).answer([[1, '-']])
  await closing
  await worker.finished
  expect(worker.state).toBe('stopped')
  expect(runs).toHaveLength(1)
  expect(caller.unseen).toEqual([])
})

test('close calls a waiting take back, and a task it still brings returns to the tube', async () => {
  const { caller, worker } = start(() => undefined, { concurrency: 1 })
  const take = await caller.next('queue.take_many')
  await worker.close()
  await caller.next('queue.cancel_take')
  take.answer([task(9)])
  expect((await caller.next('queue.release_many')).args[1]).toEqual([[9, 1009]])
})

test('after the grace time handlers are aborted, and a task whose handler stops is released', async () => {
  const { runs, handler } = manual()
  const { caller, clock, worker } = start(handler, { concurrency: 1 })
  ;(await caller.next('queue.take_many')).answer([task(1)])
  await settle()
  const closing = worker.close({ graceMs: 100 })
  await settle()
  expect(runs[0]?.signal.aborted).toBe(false)
  clock.advance(100)
  await settle()
  expect(runs[0]?.signal.aborted).toBe(true)
  runs[0]?.fail(runs[0].signal.reason)
  const release = await caller.next('queue.release_many')
  expect(release.args[1]).toEqual([[1, 1001, { delay: 0 }]])
  release.answer([[1, 'r']])
  await closing
})

test('a handler that does not heed its signal has its task released all the same', async () => {
  const { runs, handler } = manual()
  const { caller, clock, worker } = start(handler, { concurrency: 1 })
  ;(await caller.next('queue.take_many')).answer([task(1)])
  await settle()
  expect(runs).toHaveLength(1)
  const closing = worker.close({ graceMs: 100 })
  await settle()
  clock.advance(100)
  await settle()
  clock.advance(1000)
  ;(await caller.next('queue.release_many')).answer([[1, 'r']])
  await closing
  expect(worker.state).toBe('stopped')
  expect(clock.sleeping).toBe(0)
})

test('closing the queue closes its workers first', async () => {
  const { runs, handler } = manual()
  const { caller, queue, worker } = start(handler, { concurrency: 1 })
  ;(await caller.next('queue.take_many')).answer([task(1)])
  await settle()
  const closing = queue.close()
  await settle()
  expect(worker.state).toBe('draining')
  runs[0]?.end()
  ;(await caller.next('queue.ack_many')).answer([[1, '-']])
  await closing
  expect(worker.state).toBe('stopped')
})

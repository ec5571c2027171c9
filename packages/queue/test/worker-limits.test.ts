import { expect, test } from 'vitest'
import { settle } from './fake-caller.ts'
import { manual, type Started, start, task } from './start-worker.ts'

const retry = { jitter: 0, delay: 2 }

async function advance({ clock }: Started, ms: number): Promise<void> {
  clock.advance(ms)
  await settle()
}

async function deliver(started: Started, ...ids: number[]): Promise<void> {
  ;(await started.caller.next('queue.take_many')).answer(ids.map(task))
  await settle()
}

/** What the worker tells, in short. */
function record({ worker }: Started): unknown[] {
  const told: unknown[] = []
  worker.on('failed', ({ id }, error, next) =>
    told.push(['failed', id, (error as { code?: string }).code, next.action]),
  )
  worker.on('completed', ({ id }) => told.push(['completed', id]))
  worker.on('stalled', ({ id }, ms) => told.push(['stalled', id, ms]))
  return told
}

test.each(['throws', 'returns'])('a handler that %s after its timeout has failed', async (how) => {
  const { runs, handler } = manual()
  const started = start(handler, { concurrency: 1, timeoutMs: 500, retry })
  const told = record(started)
  await deliver(started, 1)
  await advance(started, 499)
  expect(runs[0]?.signal.aborted).toBe(false)
  await advance(started, 1)
  expect(runs[0]?.signal.reason).toMatchObject({ code: 'HANDLER_TIMEOUT' })
  if (how === 'throws') runs[0]?.fail(runs[0].signal.reason)
  else runs[0]?.end()
  const release = await started.caller.next('queue.fail_many')
  const error = 'QueueError [HANDLER_TIMEOUT]: The handler of task 1 did not end within 500 ms'
  expect(release.args[1]).toEqual([[1, 1001, { error, delay: 2 }]])
  expect(told).toEqual([['failed', 1, 'HANDLER_TIMEOUT', 'release']])
  release.answer([[1, '~']])
  await started.caller.next('queue.take_many')
  void started.worker.close()
})

test.each(['throws', 'returns'])(
  'a handler that %s long after its timeout loses the task after a second, and keeps its place until it ends',
  async (how) => {
    const { runs, handler } = manual()
    const started = start(handler, { concurrency: 1, timeoutMs: 500, retry })
    const told = record(started)
    await deliver(started, 1)
    await advance(started, 500)
    await advance(started, 999)
    expect(started.caller.unseen).toEqual([])
    await advance(started, 1)
    ;(await started.caller.next('queue.fail_many')).answer([[1, '~']])
    await settle()
    expect(started.worker.running).toBe(1)
    expect(started.caller.unseen).toEqual([])
    if (how === 'throws') runs[0]?.fail(new Error('late'))
    else runs[0]?.end()
    await started.caller.next('queue.take_many')
    expect(told).toEqual([['failed', 1, 'HANDLER_TIMEOUT', 'release']])
    void started.worker.close()
  },
)

test('a handler that ends in time is left alone by its timeout', async () => {
  const { runs, handler } = manual()
  const started = start(handler, { concurrency: 1, timeoutMs: 500 })
  const told = record(started)
  await deliver(started, 1)
  runs[0]?.end()
  ;(await started.caller.next('queue.ack_many')).answer([[1, '-']])
  await advance(started, 5000)
  expect(told).toEqual([['completed', 1]])
  void started.worker.close()
})

test('a handler that runs for long is told of once', async () => {
  const { runs, handler } = manual()
  const started = start(handler, { concurrency: 2, stalledAfterMs: 1000 })
  const told = record(started)
  await deliver(started, 1, 2)
  runs[1]?.end()
  await settle()
  await advance(started, 1000)
  await advance(started, 5000)
  expect(told).toEqual([['stalled', 1, 1000]])
  void started.worker.close()
})

test('a handler that close() has to leave behind is told of', async () => {
  const { handler } = manual()
  const started = start(handler, { concurrency: 1 })
  const told = record(started)
  await deliver(started, 1)
  const closing = started.worker.close({ graceMs: 100 })
  await settle()
  await advance(started, 100)
  expect(told).toEqual([])
  await advance(started, 1000)
  ;(await started.caller.next('queue.release_many')).answer([[1, 'r']])
  await closing
  await started.worker.finished
  expect(told).toEqual([['stalled', 1, 1100]])
})

test('a paused worker takes nothing and gives back what waits, while its handlers end', async () => {
  const { runs, handler } = manual()
  const started = start(handler, { concurrency: 1, prefetch: 2 })
  await deliver(started, 1, 2, 3)
  let isQuiet = false
  void started.worker.pause().then(() => (isQuiet = true))
  expect(started.worker.state).toBe('paused')
  const back = await started.caller.next('queue.release_many')
  expect(back.args[1]).toEqual([
    [2, 1002],
    [3, 1003],
  ])
  back.answer([
    [2, 'r'],
    [3, 'r'],
  ])
  await settle()
  expect(isQuiet).toBe(false)
  expect(runs[0]?.signal.aborted).toBe(false)
  runs[0]?.end()
  ;(await started.caller.next('queue.ack_many')).answer([[1, '-']])
  await settle()
  expect(isQuiet).toBe(true)
  expect(started.caller.unseen).toEqual([])
  started.worker.resume()
  await deliver(started, 4)
  expect(runs.map(({ id }) => id)).toEqual([1, 4])
  void started.worker.close()
})

test('pausing an idle worker calls its take back, and a task that comes all the same returns', async () => {
  const started = start(() => undefined, { concurrency: 1 })
  const take = await started.caller.next('queue.take_many')
  await started.worker.pause()
  await started.caller.next('queue.cancel_take')
  take.answer([task(7)])
  expect((await started.caller.next('queue.release_many')).args[1]).toEqual([[7, 1007]])
  started.worker.resume()
  started.worker.resume()
  await started.caller.next('queue.take_many')
  await settle()
  expect(started.caller.unseen).toEqual([])
  void started.worker.close()
})

test('a worker that is paused and resumed in one turn takes once', async () => {
  const started = start(() => undefined, { concurrency: 1 })
  await started.caller.next('queue.take_many')
  const pausing = started.worker.pause()
  started.worker.resume()
  await pausing
  await settle()
  expect(started.caller.unseen).toEqual(['queue.cancel_take', 'queue.take_many'])
  void started.worker.close()
})

test('a paused worker can be closed', async () => {
  const started = start(() => undefined, { concurrency: 1 })
  await started.caller.next('queue.take_many')
  await started.worker.pause()
  await started.worker.close()
  await started.worker.finished
  expect(started.worker.state).toBe('stopped')
  started.worker.resume()
  expect(started.worker.state).toBe('stopped')
})

// Requirement 31: idempotent, and a second signal means at once.
// Requirement 31.
test('a second close with a shorter grace time shortens the first', async () => {
  const { runs, handler } = manual()
  const started = start(handler, { concurrency: 1 })
  await deliver(started, 1)
  const closing = started.worker.close({ graceMs: 60_000 })
  await advance(started, 10)
  expect(runs[0]?.signal.aborted).toBe(false)
  void started.worker.close({ graceMs: 0 })
  await advance(started, 0)
  expect(runs[0]?.signal.reason).toMatchObject({ code: 'QUEUE_CLOSED' })
  runs[0]?.end()
  ;(await started.caller.next('queue.ack_many')).answer([[1, '-']])
  await closing
  expect(started.clock.sleeping).toBe(0)
})

// Requirement 30.
test('close ends within its limits even when the server answers nothing any more', async () => {
  const { handler } = manual()
  const started = start(handler, { concurrency: 1, prefetch: 1 })
  await deliver(started, 1, 2)
  let isClosed = false
  void started.worker.close({ graceMs: 100 }).then(() => (isClosed = true))
  await settle()
  for (const ms of [5000, 1000, 4999]) {
    await advance(started, ms)
    expect(isClosed).toBe(false)
  }
  await advance(started, 1)
  expect(isClosed).toBe(true)
  expect(started.clock.sleeping).toBe(0)
})

// Requirement 29: a pool of 10 and a backlog of 100 must not deadlock with more producers than places.
// Requirement 29.
test('more tasks than places all run, never more at a time than there are places', async () => {
  let running = 0
  let most = 0
  const started = start(
    async () => {
      most = Math.max(most, ++running)
      await settle()
      running -= 1
    },
    { concurrency: 10, prefetch: 100 },
  )
  let completed = 0
  started.worker.on('completed', () => (completed += 1))
  let sent = 0
  while (completed < 500) {
    const { fn, args, answer } = await started.caller.next()
    const [, what] = args
    if (fn === 'queue.take_many') {
      expect(sent - completed + Number(what)).toBeLessThanOrEqual(110)
      answer(Array.from({ length: Math.min(Number(what), 500 - sent) }, () => task(++sent)))
    } else answer((what as [number][]).map(([id]) => [id, '-']))
    await settle()
  }
  expect(most).toBe(10)
  void started.worker.close()
})

import { expect, test } from 'vitest'
import type { Task } from '../src/task.ts'
import type { BatchContext } from '../src/worker/batch.ts'
import type { BatchHandler, BatchOptions } from '../src/worker/batches.ts'
import { settle } from './fake-caller.ts'
import { NOT_TAKEN, type Started, startQueue, task } from './start-worker.ts'

function start(handler: BatchHandler<unknown>, options: BatchOptions): Started {
  const { caller, clock, queue } = startQueue()
  const worker = queue.tube('push').workBatches(handler, { prefetch: 0, ...options })
  return { caller, clock, queue, worker }
}

interface ManualBatch {
  readonly ids: number[]
  readonly tasks: readonly Task[]
  readonly context: BatchContext<unknown>
  readonly end: () => void
  readonly fail: (error: unknown) => void
}

/** A batch handler whose runs the test ends. */
function manual() {
  const batches: ManualBatch[] = []
  const handler: BatchHandler<unknown> = (tasks, context) =>
    new Promise<void>((end, fail) => batches.push({ ids: tasks.map(({ id }) => id), tasks, context, end, fail }))
  return { batches, handler, ids: () => batches.map(({ ids }) => ids) }
}

async function deliver({ caller }: Started, ...ids: number[]): Promise<void> {
  ;(await caller.next('queue.take_many')).answer(ids.map(task))
  await settle()
}

async function advance({ clock }: Started, ms: number): Promise<void> {
  clock.advance(ms)
  await settle()
}

/** The ids that the next call is about, after its function is checked. */
async function settled({ caller }: Started, fn: string, answer: (id: number) => unknown): Promise<number[]> {
  const call = await caller.next(fn)
  const ids = (call.args[1] as [number][]).map(([id]) => id)
  call.answer(ids.map(answer))
  await settle()
  return ids
}

const done = (id: number): unknown => [id, '-']
const delayed = (id: number): unknown => [id, '~']

// Requirement 23: by size or by age, the age being the oldest's.
test('a full batch runs at once, and its tasks are acked together when it resolves', async () => {
  const { batches, handler, ids } = manual()
  const started = start(handler, { size: 3, maxAgeMs: 1000 })
  const take = await started.caller.next('queue.take_many')
  expect(take.args[1]).toBe(3)
  take.answer([task(1), task(2), task(3)])
  await settle()
  expect(ids()).toEqual([[1, 2, 3]])
  batches[0]?.end()
  expect(await settled(started, 'queue.ack_many', done)).toEqual([1, 2, 3])
  void started.worker.close()
})

test('a batch that is not full runs when its oldest task is old enough', async () => {
  const { handler, ids } = manual()
  const started = start(handler, { size: 3, maxAgeMs: 1000 })
  await deliver(started, 1)
  await advance(started, 600)
  await deliver(started, 2)
  await advance(started, 399)
  expect(ids()).toEqual([])
  await advance(started, 1)
  expect(ids()).toEqual([[1, 2]])
  void started.worker.close()
})

test('no more batches run at a time than the concurrency; a batch that waits for its turn grows', async () => {
  const { batches, handler, ids } = manual()
  const started = start(handler, { size: 2, maxAgeMs: 1000, concurrency: 2 })
  await deliver(started, 1)
  await advance(started, 1000)
  await deliver(started, 2)
  await advance(started, 1000)
  await deliver(started, 3)
  await advance(started, 1000)
  expect(ids()).toEqual([[1], [2]])
  await deliver(started, 4)
  batches[0]?.end()
  await settle()
  expect(ids()).toEqual([[1], [2], [3, 4]])
  void started.worker.close()
})

test('a batch that throws has all its tasks retried, but for those it has settled itself', async () => {
  const { batches, handler } = manual()
  const started = start(handler, { size: 3, retry: { jitter: 0 } })
  await deliver(started, 1, 2, 3)
  const burying = batches[0]?.tasks[1]?.bury()
  expect(await settled(started, 'queue.bury_many', (id) => [id, '!'])).toEqual([2])
  await burying
  batches[0]?.fail(new Error('store down'))
  expect(await settled(started, 'queue.fail_many', delayed)).toEqual([1, 3])
  await deliver(started, 1)
  await advance(started, 100)
  const again = batches[1]
  expect(again?.context.attempt(again.tasks[0] as Task)).toBe(2)
  void started.worker.close()
})

test('a task that the handler names as failed is retried, and the others are acked', async () => {
  const { batches, handler } = manual()
  const started = start(handler, { size: 3 })
  const failed: unknown[] = []
  started.worker.on('failed', ({ id }, error) => failed.push([id, (error as Error).message]))
  await deliver(started, 1, 2, 3)
  const [batch] = batches
  batch?.context.fail(batch.tasks[1] as Task, new Error('poisoned'))
  expect(await settled(started, 'queue.fail_many', delayed)).toEqual([2])
  batch?.end()
  await started.caller.next('queue.take_many')
  expect(await settled(started, 'queue.ack_many', done)).toEqual([1, 3])
  expect(failed).toEqual([[2, 'poisoned']])
  void started.worker.close()
})

test('close runs what was gathered at once', async () => {
  const { batches, handler, ids } = manual()
  const started = start(handler, { size: 10, maxAgeMs: 60_000 })
  await deliver(started, 1, 2)
  const closing = started.worker.close()
  await settle()
  expect(ids()).toEqual([[1, 2]])
  batches[0]?.end()
  await started.caller.next('queue.take_many')
  await started.caller.next('queue.cancel_take')
  expect(await settled(started, 'queue.ack_many', done)).toEqual([1, 2])
  await closing
  expect(started.clock.sleeping).toBe(0)
})

test('close gives back what no batch could run with before its grace time was over', async () => {
  const { batches, handler, ids } = manual()
  const started = start(handler, { size: 2, concurrency: 2, maxAgeMs: 0 })
  await deliver(started, 1)
  await advance(started, 0)
  await deliver(started, 2)
  await advance(started, 0)
  await deliver(started, 3)
  expect(ids()).toEqual([[1], [2]])
  const closing = started.worker.close({ graceMs: 100 })
  await advance(started, 100)
  await started.caller.next('queue.take_many')
  await started.caller.next('queue.cancel_take')
  expect(batches[0]?.context.signal.reason).toMatchObject({ code: 'QUEUE_CLOSED' })
  expect(await settled(started, 'queue.release_many', (id) => [id, 'r'])).toEqual([3])
  for (const batch of batches) batch.fail(batch.context.signal.reason)
  expect(await settled(started, 'queue.release_many', (id) => [id, 'r'])).toEqual([1, 2])
  await closing
  expect(ids()).toEqual([[1], [2]])
})

test('a batch that takes too long is aborted; its tasks have failed, and it keeps its place until it ends', async () => {
  const { batches, handler, ids } = manual()
  const started = start(handler, { size: 1, timeoutMs: 500 })
  await deliver(started, 1)
  await advance(started, 500)
  expect(batches[0]?.context.signal.reason).toMatchObject({ code: 'HANDLER_TIMEOUT' })
  await advance(started, 1000)
  expect(await settled(started, 'queue.fail_many', delayed)).toEqual([1])
  await deliver(started, 2)
  expect(ids()).toEqual([[1]])
  batches[0]?.end()
  await settle()
  expect(ids()).toEqual([[1], [2]])
  void started.worker.close()
})

test('a batch that returns after its timeout has failed', async () => {
  const { batches, handler } = manual()
  const started = start(handler, { size: 1, timeoutMs: 500 })
  await deliver(started, 1)
  await advance(started, 500)
  batches[0]?.end()
  expect(await settled(started, 'queue.fail_many', delayed)).toEqual([1])
  void started.worker.close()
})

test('a task whose lease is lost while it waits for its batch is not in it', async () => {
  const { handler, ids } = manual()
  const started = start(handler, { size: 3, maxAgeMs: 20_000, ttr: 30 })
  await deliver(started, 1, 2)
  await advance(started, 10_000)
  await started.caller.next('queue.take_many')
  ;(await started.caller.next('queue.touch_many')).answer([NOT_TAKEN, [2, 't']])
  await settle()
  await advance(started, 10_000)
  expect(ids()).toEqual([[2]])
  void started.worker.close()
})

test.each([
  [{ size: 0 }, 'size'],
  [{ maxAgeMs: -1 }, 'maxAgeMs'],
  [{ size: 1000, concurrency: 1000 }, 'concurrency'],
  [{ timeoutMs: 0 }, 'timeoutMs'],
])('batch options %j are refused by the name of the option', (options, name) => {
  expect(() => start(() => undefined, options)).toThrow(`Expected \`${name}\` to be`)
})

import { expect, test } from 'vitest'
import { settle } from './fake-caller.ts'
import { manual, type Started, startQueue, task } from './start-worker.ts'

function start(every: number) {
  const { runs, handler } = manual()
  const { caller, clock, queue } = startQueue()
  const worker = queue.tube('push').repeat(handler, { every, concurrency: 1, prefetch: 0, retry: { jitter: 0 } })
  return { caller, clock, queue, worker, runs }
}

async function deliver({ caller }: Started, id: number): Promise<void> {
  ;(await caller.next('queue.take_many')).answer([task(id)])
  await settle()
}

async function nextDelay({ caller }: Started, fn = 'queue.release_many'): Promise<unknown> {
  const release = await caller.next(fn)
  const [item] = release.args[1] as [number, number, { delay: number }][]
  release.answer([[item?.[0], '~']])
  return item?.[2].delay
}

// Requirement 18: period less the time spent, never below 0, and one and the same task.
// Requirement 18.
test('a round ends with the task released for what is left of the period', async () => {
  const started = start(1)
  await deliver(started, 1)
  started.clock.advance(300)
  started.runs[0]?.end()
  expect(await nextDelay(started)).toBeCloseTo(0.7)
  void started.worker.close()
})

test('delays of delivery do not add up: rounds keep to the first one', async () => {
  const started = start(1)
  for (const late of [0, 20, 20, 20]) {
    started.clock.advance(late)
    await deliver(started, 1)
    started.clock.advance(300)
    started.runs.at(-1)?.end()
    const delay = Number(await nextDelay(started))
    expect(delay).toBeCloseTo(0.7 - late / 1000)
    started.clock.advance(delay * 1000)
  }
  void started.worker.close()
})

// Requirement 18.
test('a round that takes longer than the period is followed by the next at once, and none is made up for', async () => {
  const started = start(1)
  await deliver(started, 1)
  started.clock.advance(3500)
  started.runs[0]?.end()
  expect(await nextDelay(started)).toBe(0)
  await deliver(started, 1)
  started.clock.advance(100)
  started.runs[1]?.end()
  expect(await nextDelay(started)).toBeCloseTo(0.9)
  void started.worker.close()
})

test('a task that comes at another time than planned is timed from there', async () => {
  const started = start(1)
  await deliver(started, 1)
  started.runs[0]?.end()
  expect(await nextDelay(started)).toBe(1)
  started.clock.advance(7777)
  await deliver(started, 1)
  started.runs[1]?.end()
  expect(await nextDelay(started)).toBe(1)
  void started.worker.close()
})

test('a round that fails is retried as any task', async () => {
  const started = start(60)
  await deliver(started, 1)
  started.runs[0]?.fail(new Error('once'))
  expect(await nextDelay(started, 'queue.fail_many')).toBe(1)
  await deliver(started, 1)
  expect(started.runs[1]?.attempt).toBe(2)
  started.runs[1]?.end()
  await nextDelay(started)
  await deliver(started, 1)
  expect(started.runs[2]?.attempt).toBe(1)
  void started.worker.close()
})

test('a handler that acks its task ends the repetition', async () => {
  const { caller, queue } = startQueue()
  const worker = queue.tube('push').repeat((t) => t.ack(), { every: 1, concurrency: 1, prefetch: 0 })
  ;(await caller.next('queue.take_many')).answer([task(1)])
  ;(await caller.next('queue.ack_many')).answer([[1, '-']])
  await caller.next('queue.take_many')
  await settle()
  expect(caller.unseen).toEqual([])
  void worker.close()
})

test('a period of nothing is refused', () => {
  expect(() => start(0)).toThrow('Expected `every` to be seconds > 0')
})

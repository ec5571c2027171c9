import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { TakeGate } from '../src/take/take-gate.ts'
import { QueueServer } from '../src/wire/server.ts'
import { FakeCaller, FakeClock, settle } from './fake-caller.ts'

function start() {
  const caller = new FakeCaller()
  const clock = new FakeClock()
  let key = 0
  const gate = new TakeGate({ tube: 't', server: new QueueServer(caller), clock, nextKey: () => ++key, maxBatch: 1000 })
  return { caller, clock, gate }
}

const task = (id: number) => [id, 't', { n: id }, 1000 + id]

test('takes of one turn become one call, and get the tasks in the order they came', async () => {
  const { caller, gate } = start()
  const takes = [gate.take(0.5), gate.take(0.5)]
  const call = await caller.next('queue.take_many')
  expect(call.args).toEqual(['t', 2, 0.5, { key: 1 }])
  call.answer([task(1), task(2)])
  expect((await Promise.all(takes)).map((delivery) => delivery?.id)).toEqual([1, 2])
  await settle()
  expect(caller.unseen).toEqual([])
})

// Requirement 9.
test('a take without a limit waits at the server for ever, and its request has no time limit', async () => {
  const { caller, gate } = start()
  void gate.take(Number.POSITIVE_INFINITY)
  const call = await caller.next('queue.take_many')
  expect(call.args[2]).toBeNull()
  expect(call.timeoutMs).toBe(Number.POSITIVE_INFINITY)
})

// Requirement 9.
test('the request may last as long as the take and a margin', async () => {
  const { caller, gate } = start()
  void gate.take(2)
  expect((await caller.next()).timeoutMs).toBe(12_000)
})

test('takes that got nothing when their time is over resolve with undefined', async () => {
  const { caller, clock, gate } = start()
  const takes = [gate.take(0.5), gate.take(0.5)]
  const call = await caller.next()
  clock.advance(500)
  call.answer([])
  expect(await Promise.all(takes)).toEqual([undefined, undefined])
})

test('takers that got no task of a small answer ask again for the rest of their time', async () => {
  const { caller, clock, gate } = start()
  const takes = [gate.take(2), gate.take(2)]
  const call = await caller.next()
  clock.advance(500)
  call.answer([task(1)])
  expect((await takes[0])?.id).toBe(1)
  const again = await caller.next('queue.take_many')
  expect(again.args).toEqual(['t', 1, 1.5, { key: 2 }])
  again.answer([task(2)])
  expect((await takes[1])?.id).toBe(2)
})

test('an aborted take rejects with its reason and its call is called back', async () => {
  const { caller, gate } = start()
  const abort = new AbortController()
  const take = gate.take(10, abort.signal)
  await caller.next('queue.take_many')
  const reason = new Error('enough')
  abort.abort(reason)
  await expect(take).rejects.toBe(reason)
  expect((await caller.next('queue.cancel_take')).args).toEqual(['t', 1])
})

test('a task that arrives for an aborted take goes to the next taker', async () => {
  const { caller, gate } = start()
  const abort = new AbortController()
  const first = gate.take(10, abort.signal)
  const call = await caller.next('queue.take_many')
  abort.abort(new Error('enough'))
  await expect(first).rejects.toThrow('enough')
  const second = gate.take(10)
  call.answer([task(7)])
  expect((await second)?.id).toBe(7)
})

// Requirement 8.
test('a task that arrives when nobody waits goes back with its token', async () => {
  const { caller, gate } = start()
  const abort = new AbortController()
  const take = gate.take(10, abort.signal)
  const call = await caller.next('queue.take_many')
  abort.abort(new Error('enough'))
  await expect(take).rejects.toThrow('enough')
  await caller.next('queue.cancel_take')
  call.answer([task(7)])
  const release = await caller.next('queue.release_many')
  expect(release.args).toEqual(['t', [[7, 1007]]])
})

test('takes that share a signal share one listener, which goes with the last of them', async () => {
  const { caller, gate } = start()
  const abort = new AbortController()
  const listeners = (): number => getEventListeners(abort.signal, 'abort').length
  const takes = Array.from({ length: 100 }, () => gate.take(10, abort.signal))
  expect(listeners()).toBe(1)
  const call = await caller.next('queue.take_many')
  call.answer(Array.from({ length: 100 }, (_, i) => task(i)))
  await Promise.all(takes)
  expect(listeners()).toBe(0)
  const aborted = [gate.take(10, abort.signal), gate.take(10, abort.signal)]
  abort.abort(new Error('enough'))
  for (const take of aborted) await expect(take).rejects.toThrow('enough')
  expect(listeners()).toBe(0)
})

test('a signal reaches those who still wait when others who shared it were served', async () => {
  const { caller, gate } = start()
  const abort = new AbortController()
  const served = gate.take(10, abort.signal)
  const call = await caller.next('queue.take_many')
  const waiting = gate.take(10, abort.signal)
  call.answer([task(1)])
  expect((await served)?.id).toBe(1)
  const reason = new Error('enough')
  abort.abort(reason)
  await expect(waiting).rejects.toBe(reason)
})

test('a take that is aborted before it starts makes no call', async () => {
  const { caller, gate } = start()
  const reason = new Error('no')
  await expect(gate.take(1, AbortSignal.abort(reason))).rejects.toBe(reason)
  await settle()
  expect(caller.calls).toEqual([])
})

test('a failed call rejects its takers and nobody else', async () => {
  const { caller, gate } = start()
  const first = gate.take(10)
  const call = await caller.next()
  const second = gate.take(10)
  const other = await caller.next()
  const error = new Error('lost')
  call.fail(error)
  await expect(first).rejects.toBe(error)
  other.answer([task(2)])
  expect((await second)?.id).toBe(2)
})

// Requirement 6.
test('takes in many turns hold few calls at the server: they are called back and joined into one', async () => {
  const { caller, gate } = start()
  const takes = []
  for (let i = 0; i < 5; i += 1) {
    takes.push(gate.take(Number.POSITIVE_INFINITY))
    await settle()
  }
  const waiting = [await caller.next(), await caller.next(), await caller.next(), await caller.next()]
  for (const [i] of waiting.entries()) expect((await caller.next('queue.cancel_take')).args).toEqual(['t', i + 1])
  for (const call of waiting) call.answer([])
  const joined = await caller.next('queue.take_many')
  expect(joined.args).toEqual(['t', 5, null, { key: 5 }])
  joined.answer([1, 2, 3, 4, 5].map(task))
  expect((await Promise.all(takes)).map((delivery) => delivery?.id)).toEqual([1, 2, 3, 4, 5])
})

test('close refuses those who wait and calls their takes back', async () => {
  const { caller, gate } = start()
  const take = gate.take(10)
  await caller.next('queue.take_many')
  gate.close()
  await expect(take).rejects.toMatchObject({ code: 'QUEUE_CLOSED', sent: false })
  await caller.next('queue.cancel_take')
  await expect(gate.take(1)).rejects.toMatchObject({ code: 'QUEUE_CLOSED' })
})

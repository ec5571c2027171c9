import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import { Queue } from '../src/index.ts'
import type { CallOptions } from '../src/ports.ts'
import { type CallerPool, Placement, type PlacementOptions, poolCaller } from '../src/servers.ts'
import { FakeCaller, FakeClock, settle } from './fake-caller.ts'

function start(options: Partial<PlacementOptions> = {}) {
  const clock = new FakeClock()
  const callers = { a: new FakeCaller(), b: new FakeCaller(), c: new FakeCaller() }
  const queueOf = (caller: FakeCaller): Queue => new Queue(caller, {}, { clock })
  const servers = { a: queueOf(callers.a), b: queueOf(callers.b), c: queueOf(callers.c) }
  const placement = new Placement<number>({ servers, tube: 'push', ...options }, { clock })
  return { clock, callers, placement }
}

const LOST = Object.assign(new Error('gone'), { code: 'CONNECTION_LOST', sent: true, retryable: false })
const REFUSED = Object.assign(new Error('nobody there'), { code: 'CONNECT_FAILED', sent: false, retryable: true })
const stats = (total: number): unknown => ({ tasks: { total }, calls: {} })

/** Answers what every server is asked before the first put. */
async function answerStatistics(callers: Record<string, FakeCaller>, totals: readonly number[]): Promise<void> {
  for (const [i, caller] of Object.values(callers).entries()) {
    ;(await caller.next('queue.statistics')).answer(stats(totals[i] ?? 0))
  }
  await settle()
}

const answerPut = async (caller: FakeCaller, id = 1): Promise<void> => {
  ;(await caller.next('queue.put_many')).answer([[id, 'r']])
}

test('a task without a key goes to the server with the fewest, counting what was put since', async () => {
  const { callers, placement } = start()
  const first = placement.put(1)
  await answerStatistics(callers, [5, 1, 3])
  await answerPut(callers.a)
  expect(await first).toMatchObject({ server: 'a', id: 1 })
  const servers: string[] = []
  for (let i = 0; i < 5; i += 1) {
    const putting = placement.put(i)
    await settle()
    for (const caller of Object.values(callers)) if (caller.unseen.length > 0) await answerPut(caller)
    servers.push((await putting).server)
  }
  expect(servers).toEqual(['b', 'b', 'b', 'c', 'b'])
})

test('a server that is down is passed by, and left alone for a while', async () => {
  const { clock, callers, placement } = start({ downMs: 1000, statisticsMs: 100_000 })
  const putting = placement.put(1)
  await answerStatistics(callers, [0, 10, 20])
  ;(await callers.a.next('queue.put_many')).fail(REFUSED)
  await answerPut(callers.b)
  expect((await putting).server).toBe('b')
  const again = placement.put(2)
  await answerPut(callers.b)
  expect((await again).server).toBe('b')
  expect(callers.a.unseen).toEqual([])
  clock.advance(1000)
  const later = placement.put(3)
  await answerPut(callers.a)
  expect((await later).server).toBe('a')
})

test('a task that a lost server may have is not given to another one', async () => {
  const { callers, placement } = start()
  const putting = placement.put(1)
  const failing = expect(putting).rejects.toMatchObject({
    code: 'NO_SERVER',
    sent: true,
    retryable: false,
    cause: LOST,
  })
  await answerStatistics(callers, [0, 0, 0])
  ;(await callers.a.next('queue.put_many')).fail(LOST)
  await failing
  expect([...callers.b.unseen, ...callers.c.unseen]).toEqual([])
})

test('a keyed task goes nowhere but to its server', async () => {
  const { callers, placement } = start()
  const key = Array.from({ length: 50 }, (_, i) => `u${i}`).find((each) => placement.serverFor(each) === 'b') ?? ''
  const failing = expect(placement.putFor(key, 1)).rejects.toMatchObject({
    code: 'NO_SERVER',
    sent: false,
    retryable: true,
  })
  ;(await callers.b.next('queue.put_many')).fail(REFUSED)
  await failing
  expect([...callers.a.unseen, ...callers.c.unseen]).toEqual([])
})

test('what a server refuses is not tried on another one', async () => {
  const { callers, placement } = start()
  const failing = expect(placement.put(1)).rejects.toMatchObject({ code: 'TUBE_NOT_FOUND' })
  await answerStatistics(callers, [0, 0, 0])
  ;(await callers.a.next('queue.put_many')).answer([{ code: 'TUBE_NOT_FOUND', message: 'There is no tube push' }])
  await failing
  expect(callers.b.unseen).toEqual([])
})

test('a server that does not answer in time counts as down, and may have the task', async () => {
  const { clock, callers, placement } = start({ requestTimeoutMs: 500 })
  const failing = expect(placement.put(1)).rejects.toMatchObject({ code: 'NO_SERVER', sent: true })
  await answerStatistics(callers, [0, 0, 0])
  await callers.a.next('queue.put_many')
  clock.advance(500)
  await failing
})

test('a drained server gets no more tasks but those of its keys', async () => {
  const { callers, placement } = start()
  placement.drain('a')
  const putting = placement.put(1)
  await answerStatistics(callers, [0, 1, 2])
  await answerPut(callers.b)
  expect((await putting).server).toBe('b')
  const key = Array.from({ length: 50 }, (_, i) => `u${i}`).find((each) => placement.serverFor(each) === 'a') ?? ''
  const keyed = placement.putFor(key, 1)
  await answerPut(callers.a)
  expect((await keyed).server).toBe('a')
})

test('requirement 11: nothing is taken from the others unless it is asked for', async () => {
  const { callers, placement } = start({ self: 'b' })
  const [worker] = await placement.work(() => undefined)
  await callers.b.next('queue.take_many')
  expect([...callers.a.unseen, ...callers.c.unseen]).toEqual([])
  void worker?.close({ graceMs: 0 })
  await expect(start().placement.work(() => undefined)).rejects.toThrow('Expected `self` to be given')
  const all = start()
  expect(await all.placement.work(() => undefined, { takeFrom: 'all' })).toHaveLength(3)
  for (const caller of Object.values(all.callers)) await caller.next('queue.take_many')
})

class FakePool extends EventEmitter implements CallerPool {
  readonly instances = new Map([
    ['x', { role: 'ro' }],
    ['y', { role: 'rw' }],
  ])
  readonly rw = { call: (fn: string, _args: readonly unknown[], _options?: CallOptions) => Promise.resolve([fn]) }
}

test('each change of a pool’s master is a new session', async () => {
  const pool = new FakePool()
  const caller = poolCaller(pool)
  const seen: string[] = []
  for (const event of ['connect', 'disconnect', 'close'] as const) caller.on(event, () => seen.push(event))
  pool.emit('role', 'y', 'rw')
  pool.emit('instance-down', 'x')
  expect(seen).toEqual([])
  pool.emit('role', 'y', 'ro')
  pool.emit('role', 'x', 'rw')
  expect(seen).toEqual(['disconnect', 'connect'])
  pool.emit('role', 'y', 'rw')
  pool.emit('instance-down', 'y')
  pool.emit('close')
  expect(seen.slice(2)).toEqual(['disconnect', 'connect', 'disconnect', 'close'])
  expect(await caller.call('f', [])).toEqual(['f'])
})

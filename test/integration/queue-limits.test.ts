import { connect } from '@tarantella/connector'
import {
  Limiter,
  limitTasks,
  type RateLimiter,
  SharedLimiter,
  type SharedLimiterOptions,
} from '@tarantella/queue/limits'
import { expect, onTestFinished, test } from 'vitest'
import { type QueueServer, type Role, startQueue } from '../helpers/start-queue.ts'

const range = (length: number): number[] => Array.from({ length }, (_, i) => i)

/** Slower than a test takes: what is granted is the burst and one. */
const SLOW = { rate: 0.001, nodelay: true }

async function sharedLimiter(server: QueueServer, role: Role, options: SharedLimiterOptions): Promise<SharedLimiter> {
  const client = await connect(server.uriOf(role))
  onTestFinished(() => client.close())
  return new SharedLimiter(client, options)
}

async function grantedOf(limiter: RateLimiter, key: string, count: number): Promise<number> {
  const verdicts = await Promise.all(range(count).map(async () => await limiter.check(key)))
  return verdicts.filter(({ granted }) => granted).length
}

test('a shared limit is one for all connections and users, by name and key', async () => {
  const server = await startQueue('')
  const options = { ...SLOW, name: 'gateway', burst: 9 }
  const [producer, consumer] = await Promise.all([
    sharedLimiter(server, 'producer', options),
    sharedLimiter(server, 'consumer', options),
  ])
  const granted = await Promise.all([grantedOf(producer, 'ios', 50), grantedOf(consumer, 'ios', 50)])
  expect(granted[0] + granted[1]).toBe(10)
  expect(await grantedOf(producer, 'android', 50)).toBe(10)
  expect(await grantedOf(await sharedLimiter(server, 'admin', { ...options, name: 'other' }), 'ios', 50)).toBe(10)
  const refused = await consumer.check('ios')
  expect(refused).toMatchObject({ granted: false, excess: 10 })
  expect(refused.granted ? 0 : refused.retryAfterMs).toBeGreaterThan(900_000)
})

test('the server counts what a zone holds, and says when a delayed call may go on', async () => {
  const server = await startQueue('')
  const limiter = await sharedLimiter(server, 'producer', { name: 'small', rate: 0.001, burst: 2, delay: 1, size: 2 })
  expect(await Promise.all(range(3).map(() => limiter.check('a')))).toEqual([
    { granted: true, delayMs: 0, excess: 0 },
    { granted: true, delayMs: 0, excess: 1 },
    { granted: true, delayMs: 1_000_000, excess: 2 },
  ])
  expect(await limiter.check('b')).toMatchObject({ granted: true })
  expect(await limiter.check('c')).toMatchObject({ granted: false, excess: 0 })
})

/** Puts `count` due tasks before a worker with this limiter, and gives when the gateway saw which. */
async function runLimited(
  server: QueueServer,
  limiter: RateLimiter,
  count: number,
  { workers = 1, over = 'release' }: { workers?: number; over?: 'release' | 'hold' } = {},
) {
  const queue = await server.queue()
  const tube = queue.tube<number>('push')
  await tube.putMany(range(count).map((data) => ({ data })))
  const seen: { data: number; atMs: number }[] = []
  const running = range(workers).map(() =>
    tube.work(
      limitTasks<number>({ limiter, over }, ({ data }) => {
        seen.push({ data, atMs: performance.now() })
      }),
      { concurrency: 4 },
    ),
  )
  await expect.poll(async () => (await queue.statistics('push')).tasks.total, { timeout: 40_000 }).toBe(0)
  await Promise.all(running.map((worker) => worker.close()))
  return { seen, calls: (await queue.statistics('push')).calls }
}

test('row 25: due tasks above the limit come back when it is their turn; none is lost, and the gateway sees no flood', async () => {
  const server = await startQueue('push:fifottl')
  const [rate, burst, count] = [200, 20, 200]
  const limiter = new Limiter({ zone: { rate }, burst, nodelay: true })
  const { seen, calls } = await runLimited(server, limiter, count)
  expect(seen.map(({ data }) => data).sort((a, b) => a - b)).toEqual(range(count))
  // Whoever passed out of turn was late by the lag of this machine, not by another round.
  expect(calls['release']).toBeLessThan(2 * count)
  // A task is seen in the turn that it was granted in: any window holds what the rate and the burst allow.
  for (const [i, { atMs }] of seen.entries()) {
    const within = seen.slice(i).filter((other) => other.atMs < atMs + 250).length
    // The last term is for a pause of the process between the grant and the look at the clock.
    expect(within).toBeLessThanOrEqual(burst + 1 + rate * 0.25 + rate * 0.05)
  }
  const spanMs = (seen.at(-1)?.atMs ?? 0) - (seen[0]?.atMs ?? 0)
  expect(spanMs).toBeGreaterThan(((count - burst - 1) / rate) * 1000 - 50)
})

test('a limit shared by several workers holds for all of them together, and loses nothing', async () => {
  const server = await startQueue('push:fifottl')
  const [rate, burst, count] = [200, 10, 120]
  const limiter = await sharedLimiter(server, 'consumer', { name: 'gateway', rate, burst, nodelay: true })
  const { seen } = await runLimited(server, limiter, count, { workers: 3 })
  expect(seen.map(({ data }) => data).sort((a, b) => a - b)).toEqual(range(count))
  const spanMs = (seen.at(-1)?.atMs ?? 0) - (seen[0]?.atMs ?? 0)
  expect(spanMs).toBeGreaterThan(((count - burst - 1) / rate) * 1000 - 50)
})

test('held tasks wait in the worker: a tube without delays is limited as well', async () => {
  const server = await startQueue('push:fifo')
  const [rate, burst, count] = [200, 5, 60]
  const limiter = new Limiter({ zone: { rate }, burst, nodelay: true })
  const { seen, calls } = await runLimited(server, limiter, count, { over: 'hold' })
  expect(seen.map(({ data }) => data).sort((a, b) => a - b)).toEqual(range(count))
  expect(calls['release'] ?? 0).toBe(0)
  expect((seen.at(-1)?.atMs ?? 0) - (seen[0]?.atMs ?? 0)).toBeGreaterThan(((count - burst - 1) / rate) * 1000 - 50)
})

test('a task that fails is tried as often as retry says, however often the limit holds it up between', async () => {
  const server = await startQueue('push:fifottl')
  const queue = await server.queue()
  const tube = queue.tube<number>('push')
  await tube.putMany(range(20).map((data) => ({ data })))
  const attempts: number[] = []
  const worker = tube.work(
    limitTasks<number>({ limiter: new Limiter({ zone: { rate: 200 } }) }, ({ data }, { attempt }) => {
      if (data !== 0) return
      attempts.push(attempt)
      throw new Error('always')
    }),
    { retry: { attempts: 3, delay: 0 } },
  )
  await expect.poll(async () => (await queue.statistics('push')).tasks.buried, { timeout: 20_000 }).toBe(1)
  await expect.poll(async () => (await queue.statistics('push')).tasks.total, { timeout: 20_000 }).toBe(1)
  expect(attempts).toEqual([1, 2, 3])
  await worker.close()
})

import { Queue, Worker } from 'bullmq'
import { keepInFlight } from '../harness/keep-in-flight.ts'
import { startRedis } from './redis.ts'
import { DoneCounter, IN_FLIGHT, payload, type QueueSubject } from './subject.ts'

/** Jobs of one `addBulk`, and calls of it on their way at a time. */
const BULK = 250
const BULKS_IN_FLIGHT = 4

const SUBJECTS = {
  bullmq: { persistence: 'appendonly', durability: 'append-only file, flushed each second (outlives kill -9)' },
  'bullmq-bulk': { persistence: 'appendonly', durability: 'append-only file, flushed each second (outlives kill -9)' },
  'bullmq-memory': { persistence: 'none', durability: 'none: Redis without persistence' },
} as const

/** BullMQ on a Redis of its own; `bullmq-bulk` adds by batches, the others job by job. */
export async function openBullmq(name: keyof typeof SUBJECTS): Promise<QueueSubject> {
  const { persistence, durability } = SUBJECTS[name]
  const redis = await startRedis(persistence)
  const connection = { host: '127.0.0.1', port: redis.port, maxRetriesPerRequest: null }
  const options = { connection, defaultJobOptions: { removeOnComplete: true, removeOnFail: true } }
  const queue = new Queue('bench', options)
  const worker = new Worker('bench', () => Promise.resolve(), { connection, concurrency: IN_FLIGHT })
  const done = new DoneCounter()
  worker.on('completed', () => done.add())
  await worker.waitUntilReady()

  const isBulk = name === 'bullmq-bulk'
  const addBulk = (): Promise<unknown> =>
    queue.addBulk(Array.from({ length: BULK }, (_, i) => ({ name: 'push', data: payload(i) })))
  return {
    name,
    durability,
    versions: { redis: redis.version },
    inFlight: isBulk ? BULKS_IN_FLIGHT : IN_FLIGHT,
    async cycles(count) {
      const jobs = isBulk ? Math.ceil(count / BULK) * BULK : count
      const allDone = done.expect(jobs)
      if (isBulk) await keepInFlight(addBulk, BULKS_IN_FLIGHT, jobs / BULK)
      else await keepInFlight((i) => queue.add('push', payload(i)), IN_FLIGHT, jobs)
      await allDone
      return jobs
    },
    ...(!isBulk && {
      async idle(onTask: () => void) {
        const idleQueue = new Queue('idle', options)
        const idleWorker = new Worker(
          'idle',
          () => {
            onTask()
            return Promise.resolve()
          },
          { connection },
        )
        await idleWorker.waitUntilReady()
        return {
          samples: 300,
          put: () => idleQueue.add('push', payload(1)),
          async [Symbol.asyncDispose]() {
            await idleWorker.close(true)
            await idleQueue.close()
          },
        }
      },
    }),
    async [Symbol.asyncDispose]() {
      await worker.close(true)
      await queue.close()
      await redis[Symbol.asyncDispose]()
    },
  }
}

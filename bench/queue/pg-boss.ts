import PgBoss from 'pg-boss'
import { keepInFlight } from '../harness/keep-in-flight.ts'
import { POSTGRES_USER, startPostgres } from './postgres.ts'
import { payload, type QueueSubject } from './subject.ts'

/** Connections of the pool; more only wait for each other on two cores. */
const CONNECTIONS = 16
/** Jobs of one fetch, and loops that fetch. */
const BATCH = 250
const FETCHERS = 4
/** Seconds; the least that it allows. */
const POLLING_INTERVAL = 0.5

/**
 * pg-boss on a PostgreSQL of its own. Its worker polls, which says nothing about what the queue can carry, so cycles are
 * measured with loops of its `fetch` and `complete`, in batches; only the waiting time is its worker's.
 */
export async function openPgBoss(): Promise<QueueSubject> {
  const server = await startPostgres()
  const boss = new PgBoss({
    host: '127.0.0.1',
    port: server.port,
    user: POSTGRES_USER,
    database: 'postgres',
    max: CONNECTIONS,
    schedule: false,
    supervise: false,
  })
  // Without a listener an error of its pool would end the process; the call that met it rejects.
  boss.on('error', () => undefined)
  await boss.start()
  await boss.createQueue('bench')
  await boss.createQueue('idle')
  return {
    name: 'pg-boss',
    durability: 'fsync = off: WAL written at each commit, not flushed (outlives kill -9)',
    inFlight: CONNECTIONS,
    versions: { postgresql: server.version },
    async cycles(count) {
      let left = count
      const work = async (): Promise<void> => {
        while (left > 0) {
          const jobs = await boss.fetch('bench', { batchSize: BATCH })
          if (jobs.length === 0) continue
          await boss.complete(
            'bench',
            jobs.map(({ id }) => id),
          )
          left -= jobs.length
        }
      }
      await Promise.all([
        keepInFlight((i) => boss.send('bench', payload(i)), CONNECTIONS, count),
        ...Array.from({ length: FETCHERS }, work),
      ])
      return count
    },
    async idle(onTask) {
      await boss.work('idle', { pollingIntervalSeconds: POLLING_INTERVAL }, () => {
        onTask()
        return Promise.resolve()
      })
      return {
        samples: 15,
        put: () => boss.send('idle', payload(1)),
        [Symbol.asyncDispose]: () => boss.offWork('idle'),
      }
    },
    async [Symbol.asyncDispose]() {
      await boss.stop({ graceful: false })
      await server[Symbol.asyncDispose]()
    },
  }
}

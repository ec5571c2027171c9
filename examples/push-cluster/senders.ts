import type { Queue, Worker } from '@tarantella/queue'
import { Limiter, limitTasks } from '@tarantella/queue/limits'
import { PushService } from '../campaign/push-service.ts'
import { type Batch, type ClusterPush, type NodeConfig, PLATFORMS } from './messages.ts'

/** Pushes under way at once, per platform. */
const CONCURRENCY = 32
/** Of one server's rate: what it may send early. */
export const BURST = 20
/** A gateway that refuses is asked again, and for long. */
const RETRY = { attempts: 50, delay: 0.1, maxDelay: 2 }

/** Turns batches of the own queue into pushes of the own queue. */
export function startBatches(queue: Queue, self: string): Worker<Batch> {
  return queue.tube<Batch>('batches').work(
    async ({ data: { mailing, name, users } }) => {
      await Promise.all(
        PLATFORMS.map(async (platform) => {
          const items = users
            .filter(([, on]) => on === platform)
            .map(([user, , token]) => {
              const id = `${mailing}:${JSON.stringify(user)}`
              const data: ClusterPush = { id, token, title: mailing, batch: name, server: self }
              // Killed in between, the batch is made again, and what is there already is dropped by its key.
              return { data, key: id }
            })
          if (items.length > 0) await queue.tube<ClusterPush>(platform).putMany(items)
        }),
      )
    },
    { concurrency: 2, prefetch: 0 },
  )
}

/** Two workers, each with the connections and the limit of its gateway. */
export function startSenders(queue: Queue, { gatewayUrl, rate }: NodeConfig): Worker<ClusterPush>[] {
  return PLATFORMS.map((platform) => {
    const service = new PushService(gatewayUrl, platform, CONCURRENCY)
    const limiter = new Limiter({ zone: { rate }, burst: BURST, nodelay: true })
    return queue.tube<ClusterPush>(platform).work(
      limitTasks({ limiter, over: 'hold' }, (task, { signal }) => service.send(task.data, signal)),
      { concurrency: CONCURRENCY, retry: RETRY },
    )
  })
}

import type { Queue, Worker } from '@tarantella/queue'
import { type Push, PushService } from './push-service.ts'
import type { Platform } from './recipients.ts'

/** So long handlers may go on when the senders are disposed of. */
const CLOSE_GRACE_MS = 5_000

interface Sender {
  readonly worker: Worker<Push>
  readonly service: PushService
}

export interface SendersOptions {
  readonly queue: Queue
  readonly tubes: readonly Platform[]
  readonly gatewayUrl: string
  /** Pushes under way at once, per tube. */
  readonly concurrency: number
  /** Called if a worker cannot go on. */
  readonly onFailure: (error: Error) => void
}

/** A worker per tube that hands every due task to the gateway. */
export class Senders {
  readonly #senders: readonly Sender[]

  constructor({ queue, tubes, gatewayUrl, concurrency, onFailure }: SendersOptions) {
    this.#senders = tubes.map((tube) => {
      const service = new PushService(gatewayUrl, tube, concurrency)
      const worker = queue.tube<Push>(tube).work((task, { signal }) => service.send(task.data, signal), {
        concurrency,
        retry: { attempts: 10, backoff: 'exponential', delay: 0.1, maxDelay: 2 },
      })
      worker.finished.catch(onFailure)
      return { worker, service }
    })
  }

  /** Finishes or gives back what is taken. A second call joins the first. */
  async close(graceMs: number = CLOSE_GRACE_MS): Promise<void> {
    await Promise.all(
      this.#senders.map(async ({ worker, service }) => {
        await worker.close({ graceMs })
        service.close()
      }),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

import type { QueueServer } from '../wire/server.ts'
import type { Delivery } from '../wire/task-tuple.ts'
import { giveBack } from './give-back.ts'

export interface TakeBatch {
  readonly tube: string
  readonly count: number
  /** `Infinity` waits for ever. */
  readonly seconds: number
  /** No other waiting take of this connection has it. */
  readonly key: number
  readonly signal?: AbortSignal | undefined
}

/**
 * One `take_many`. When the signal aborts it is called back at the server and rejects with the
 * signal's reason at once; what it still brings is given back.
 */
export function takeBatch(server: QueueServer, { tube, count, seconds, key, signal }: TakeBatch): Promise<Delivery[]> {
  if (signal === undefined) return server.takeMany(tube, count, seconds, key)
  if (signal.aborted) return Promise.reject(signal.reason)
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      reject(signal.reason)
      // If this request fails, so does the take it is about: its tasks are released with the connection.
      server.cancelTake(tube, key).catch(() => undefined)
    }
    signal.addEventListener('abort', abort, { once: true })
    server.takeMany(tube, count, seconds, key).then(
      (deliveries) => {
        signal.removeEventListener('abort', abort)
        if (signal.aborted) void giveBack(server, tube, deliveries)
        else resolve(deliveries)
      },
      (error: unknown) => {
        signal.removeEventListener('abort', abort)
        reject(error)
      },
    )
  })
}

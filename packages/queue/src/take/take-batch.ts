import type { QueueServer } from '../wire/server.ts'
import type { Delivery } from '../wire/task-tuple.ts'
import { giveBack } from './give-back.ts'
import { takeRecallably } from './recallable.ts'

export interface TakeBatch {
  readonly tube: string
  readonly count: number
  /** `Infinity` waits for ever. */
  readonly seconds: number
  /** No other waiting take of this connection has it. */
  readonly key: number
  readonly signal?: AbortSignal | undefined
}

/** One `take_many`, which the signal calls back. */
export function takeBatch(server: QueueServer, { tube, count, seconds, key, signal }: TakeBatch): Promise<Delivery[]> {
  return takeRecallably({
    take: () => server.takeMany(tube, count, seconds, key),
    recall: () => server.cancelTake(tube, key),
    giveBack: (deliveries) => giveBack(server, tube, deliveries),
    signal,
  })
}

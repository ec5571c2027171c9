// queue.take_any({name, …} | {name = weight, …}, timeout, {n, key}) → {{tube, id, 't', data, token}, …}
import { toList, toText } from './maps.ts'
import { type QueueServer, WAIT_MARGIN_MS } from './server.ts'
import { type Delivery, toDelivery } from './task-tuple.ts'

/** Up to 100 tubes: their names, or how often each is to be taken from beside the others, 1 to 1 000 000. */
export type TubeWeights = readonly string[] | Readonly<Record<string, number>>

export interface AnyDelivery extends Delivery {
  readonly tube: string
}

export async function takeAny(
  server: QueueServer,
  tubes: TubeWeights,
  n: number,
  seconds: number,
  key: number,
): Promise<AnyDelivery[]> {
  const isEndless = seconds === Number.POSITIVE_INFINITY
  const timeoutMs = isEndless ? Number.POSITIVE_INFINITY : seconds * 1000 + WAIT_MARGIN_MS
  const reply = await server.call('queue.take_any', [tubes, isEndless ? null : seconds, { n, key }], { timeoutMs })
  return toList(reply[0], 'an array of tasks').map((task) => {
    const [tube, ...tuple] = toList(task, 'a delivery')
    return { tube: toText(tube, 'the name of a tube'), ...toDelivery(tuple) }
  })
}

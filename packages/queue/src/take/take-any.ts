import { expected, requireInteger, requireText } from '../options.ts'
import type { QueueServer } from '../wire/server.ts'
import { type AnyDelivery, takeAny as askForAny, type TubeWeights } from '../wire/take-any.ts'
import { giveBack } from './give-back.ts'
import { takeRecallably } from './recallable.ts'

export interface TakeAny {
  /** Names, or names and weights. */
  readonly tubes: TubeWeights
  readonly count: number
  /** `Infinity` waits for ever. */
  readonly seconds: number
  /** No other waiting take of this connection has it. */
  readonly key: number
  readonly signal?: AbortSignal | undefined
}

/** One `take_any`, which the signal calls back. */
export function takeAny(server: QueueServer, { tubes, count, seconds, key, signal }: TakeAny): Promise<AnyDelivery[]> {
  const first = requireTubes(tubes)
  return takeRecallably({
    take: () => askForAny(server, tubes, count, seconds, key),
    // The key alone says which take of the connection it is.
    recall: () => server.cancelTake(first, key),
    giveBack: (deliveries) => giveBackAll(server, deliveries),
    signal,
  })
}

/** The first one's name. */
function requireTubes(tubes: TubeWeights): string {
  // Narrowed by hand: Array.isArray() does not narrow readonly arrays.
  const names: readonly string[] = Array.isArray(tubes) ? (tubes as readonly string[]) : Object.keys(tubes)
  for (const name of names) requireText('tubes', name)
  if (!Array.isArray(tubes)) for (const weight of Object.values(tubes)) requireInteger('weight', weight, 1, 1_000_000)
  const [first] = names
  if (first === undefined) throw expected('tubes', 'names of tubes, or a map of their names and weights', tubes)
  return first
}

async function giveBackAll(server: QueueServer, deliveries: readonly AnyDelivery[]): Promise<void> {
  const byTube = new Map<string, AnyDelivery[]>()
  for (const delivery of deliveries) {
    const others = byTube.get(delivery.tube)
    if (others === undefined) byTube.set(delivery.tube, [delivery])
    else others.push(delivery)
  }
  await Promise.all(Array.from(byTube, ([tube, leases]) => giveBack(server, tube, leases)))
}

// The last service: writes each priced order into a file, once. Run by main.ts with the queue's URI, the file and the
// number of orders after which it ends.
import { appendFile } from 'node:fs/promises'
import { batchWriter, Queue } from '@tarantella/queue'
import type { PricedOrder } from './messages.ts'

const [uri = '', file = '', orders = '0'] = process.argv.slice(2)
await using queue = await Queue.connect(uri)

/** Ids that are in the file. A service that can be killed would read them from there when it starts. */
const written = new Set<string>()
let repeats = 0
let finish = (): void => undefined
const all = new Promise<void>((resolve) => {
  finish = resolve
})

const writer = batchWriter(queue.tube<PricedOrder>('priced'), write, { maxSize: 500, maxAgeMs: 50, ttr: 10 })
await all
await writer.close()
console.log(JSON.stringify({ repeats }))

async function write(priced: readonly PricedOrder[]): Promise<void> {
  // By id, for one order may be twice in a batch.
  const fresh = new Map(priced.filter(({ id }) => !written.has(id)).map((order) => [order.id, order] as const))
  repeats += priced.length - fresh.size
  await appendFile(file, Array.from(fresh.values(), (order) => `${JSON.stringify(order)}\n`).join(''))
  for (const id of fresh.keys()) written.add(id)
  console.log(`written ${written.size}`)
  if (written.size >= Number(orders)) finish()
}

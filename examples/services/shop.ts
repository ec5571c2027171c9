// The first service: sells. Run by main.ts with the queue's URI, the number of orders, and how many it sells a second.
import { setTimeout as pause } from 'node:timers/promises'
import { TarantellaError } from '@tarantella/connector'
import { Queue } from '@tarantella/queue'
import type { Order } from './messages.ts'

const TICK_MS = 20

const [uri = '', orders = '0', perSecond = '1'] = process.argv.slice(2)
await using queue = await Queue.connect(uri)
const tube = queue.tube<Order>('orders')

const startedAt = performance.now()
for (let sold = 0; sold < Number(orders); ) {
  const due = Math.min(Number(orders), Math.ceil(((performance.now() - startedAt) / 1000) * Number(perSecond)))
  const batch = Array.from({ length: due - sold }, (_, i) => ({
    id: `order-${sold + i}`,
    pieces: ((sold + i) % 9) + 1,
  }))
  await Promise.all(batch.map(sell))
  sold = due
  await pause(TICK_MS)
}
console.log('sold all')

/** An order whose confirmation was lost is put once more: the ledger knows those that it has. */
async function sell(order: Order): Promise<void> {
  for (;;) {
    try {
      await tube.put(order)
      return
    } catch (error) {
      if (!(error instanceof TarantellaError) || !(error.retryable || error.sent)) throw error
    }
  }
}

// The service in the middle: takes orders, and puts priced ones. Run by main.ts with the queue's URI.
import { Queue } from '@tarantella/queue'
import { CENTS_A_PIECE, type Order, type PricedOrder } from './messages.ts'

const [uri = ''] = process.argv.slice(2)
await using queue = await Queue.connect(uri)
const priced = queue.tube<PricedOrder>('priced')

// The order is acked when what follows from it is stored. Killed between the two, the order comes again, and so
// does what follows from it, under the same id.
const worker = queue.tube<Order>('orders').work(
  async ({ data }) => {
    await priced.put({ ...data, cents: data.pieces * CENTS_A_PIECE })
  },
  { concurrency: 64, ttr: 10 },
)
process.once('SIGTERM', () => void worker.close())
console.log('ready')
await worker.finished

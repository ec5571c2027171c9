import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import { type Client, connect } from '@tarantella/connector'
import { Queue, type Task } from '@tarantella/queue'
import { Journal, nowUs } from './journal.ts'
import { seeded } from './random.ts'

// node worker-process.ts URI JOURNAL SEED TTR: one worker of the soak, until it is told to end or killed.

const CONCURRENCY = 64
const TUBE = 'soak'
/** Shares of tasks that take a while, and that fail. */
const SLOW = 0.01
const FAILING = 0.003
/** The longest time that a slow one takes, ms. */
const SLOW_MS = 200
const LOOK_MS = 200
/** How many looks go before one at the memory. */
const LOOKS_PER_MEASURE = 10
/** Later than this a look at the clock says that the process did not run, us. */
const GAP_US = 500_000

const [uri = '', path = '', seed = '', ttr = ''] = process.argv.slice(2)
const journal = new Journal(path)
const random = seeded(Number(seed))

/** The server may be down just now. */
async function untilConnected(): Promise<Client> {
  for (;;) {
    try {
      return await connect(uri)
    } catch {
      await sleep(50)
    }
  }
}

const client = await untilConnected()
client.on('disconnect', () => journal.write('x'))
const queue = new Queue(client)
const runs = new WeakMap<Task<number>, number>()
let lastRun = 0
const note = (kind: 'd' | 'f' | 'a' | 'l', task: Task<number>): void =>
  journal.write(kind, runs.get(task), task.data, task.id)

const worker = queue.tube<number>(TUBE).work(
  async (task) => {
    lastRun += 1
    runs.set(task, lastRun)
    journal.write('s', lastRun, task.data, task.id)
    await (random() < SLOW ? sleep(random() * SLOW_MS) : setImmediate())
    if (random() < FAILING) {
      note('f', task)
      throw new Error('Failed by chance')
    }
    note('d', task)
  },
  {
    concurrency: CONCURRENCY,
    // A start follows its delivery at once, so that the checker knows when it was delivered.
    prefetch: 0,
    ttr: Number(ttr),
    retry: { attempts: 1000, backoff: 'fixed', delay: 0.05 },
  },
)
worker.on('completed', (task) => note('a', task))
worker.on('lost', (task) => note('l', task))

let looked = nowUs()
let looks = 0
const looking = setInterval(() => {
  const gap = nowUs() - looked
  if (gap > GAP_US) journal.write('g', 0, gap)
  looked = nowUs()
  looks += 1
  if (looks % LOOKS_PER_MEASURE !== 0) return
  // Else it would be what the next collection will free.
  global.gc?.()
  journal.write('m', 0, process.memoryUsage().heapUsed)
}, LOOK_MS)

process.once('SIGTERM', () => {
  clearInterval(looking)
  void queue.close({ graceMs: 5000 }).then(() => client.close())
})
process.stdout.write('ready\n')

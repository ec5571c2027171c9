// A worker: takes pieces of all servers and splits them. Run by main.ts with its configuration.
import { connect } from '@tarantella/connector'
import { Queue } from '@tarantella/queue'
import { Placement } from '@tarantella/queue/servers'
import type { Piece, Push, WorkerConfig } from './messages.ts'
import { Splitter } from './splitter.ts'

/** Pieces of one server that it has in hand. */
const CONCURRENCY = 2

// It is written by main.ts.
const { servers, leaf, fanOut, stopAt } = JSON.parse(process.argv[2] ?? '') as WorkerConfig

const clients = await Promise.all(
  Object.entries(servers).map(async ([name, uri]) => [name, await connect(uri)] as const),
)
// For both placements, and for taking: one connection to each server.
const queues = Object.fromEntries(clients.map(([name, tnt]) => [name, new Queue(tnt)]))
const pieces = new Placement<Piece>({ servers: queues, tube: 'pieces' })
const pushes = new Placement<Push>({ servers: queues, tube: 'pushes' })

let ranges = 0
const splitter = new Splitter({ pieces, pushes, leaf, fanOut, onHalf })
const workers = await Promise.all(
  clients.map(async ([name, tnt]) => {
    const tube = await pieces.on(name)
    return tube.work((task) => splitter.split(task.data, tnt), { concurrency: CONCURRENCY, prefetch: 0 })
  }),
)
console.log('ready')
await Promise.all(workers.map((worker) => worker.finished))

async function onHalf(): Promise<void> {
  ranges += 1
  if (ranges !== stopAt) return
  console.log('is in mid-split')
  // Until this process is killed.
  await new Promise(() => undefined)
}

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Queue } from '@tarantella/queue'
import { check, runExample } from '../server/run-example.ts'
import { Service } from '../server/service.ts'
import { TarantoolServer } from '../server/tarantool-server.ts'
import { TemporaryFolder } from '../server/temporary-folder.ts'
import { within } from '../server/within.ts'
import { CENTS_A_PIECE, type PricedOrder, TUBES } from './messages.ts'

/** After the last order was sold. */
const STALL_S = 60

interface Sizes extends Readonly<Record<string, number>> {
  readonly orders: number
  /** Orders a second. */
  readonly rate: number
  /** Seconds that the service in the middle is away. */
  readonly away: number
}

await runExample<Sizes>({
  name: 'services',
  about: 'Three processes that talk through tubes only; the one in the middle is killed under load.',
  full: { orders: 30_000, rate: 2000, away: 5 },
  short: { orders: 3000, rate: 1000, away: 0.5 },
  run: async ({ orders, rate, away }) => {
    await using folder = await TemporaryFolder.make()
    const file = join(folder.path, 'ledger.jsonl')
    await trade({ orders, rate, away, file })
    await checkLedger(file, orders)
  },
})

async function trade({
  orders,
  rate,
  away,
  file,
}: {
  readonly orders: number
  readonly rate: number
  readonly away: number
  readonly file: string
}): Promise<void> {
  await using server = await TarantoolServer.start({ tubes: TUBES })
  const uri = server.uri('admin')
  await using ledger = start('ledger', [uri, file, orders])
  await using pricing = start('pricing', [uri])
  await pricing.line(/ready/)
  await using shop = start('shop', [uri, orders, rate])

  await ledger.line(/^written/)
  await pricing.kill()
  console.log('the pricing is killed (SIGKILL)')
  await pause(away * 1000)
  await using queue = await Queue.connect(uri)
  const { tasks } = await queue.statistics('orders')
  console.log(`after ${away} s ${tasks.ready} orders wait for it`)
  check(
    'what it sells waits in the tube, and nobody holds any of it',
    { waits: tasks.ready > 0, taken: tasks.taken },
    { waits: true, taken: 0 },
  )

  await using successor = start('pricing', [uri])
  await shop.finished()
  check('the shop has not noticed', await shop.line(/sold all/), 'sold all')
  await within(STALL_S, 'the arrival of all orders', ledger.finished())
  const said = await ledger.line(/repeats/)
  console.log(`orders that came to the ledger a second time: ${said.replace(/\D/g, '')}`)
  check('the pricing that took over still runs', successor.isRunning)
  check('nothing is left in the tubes', await Promise.all(TUBES.map((tube) => totalOf(queue, tube))), [0, 0])
}

/** The file has every order once, at its price. */
async function checkLedger(file: string, orders: number): Promise<void> {
  const lines = (await readFile(file, 'utf8')).trimEnd().split('\n')
  // The ledger has written them.
  const priced = lines.map((line) => JSON.parse(line) as PricedOrder)
  check('the ledger has as many lines as there were orders', lines.length, orders)
  check('each order is there', new Set(priced.map(({ id }) => id)).size, orders)
  check(
    'at its price',
    priced.every(({ pieces, cents }) => cents === pieces * CENTS_A_PIECE),
  )
}

async function totalOf(queue: Queue, tube: string): Promise<number> {
  return (await queue.statistics(tube)).tasks.total
}

/** One of the programs beside this file. */
function start(name: 'shop' | 'pricing' | 'ledger', args: readonly (string | number)[]): Service {
  return new Service(name, new URL(`${name}.ts`, import.meta.url), args)
}

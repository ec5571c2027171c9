import { connect } from '@tarantella/connector'
import { Queue } from '@tarantella/queue'
import { check, runExample } from '../server/run-example.ts'
import { TarantoolServer } from '../server/tarantool-server.ts'
import { within } from '../server/within.ts'
import { LiveLine, toSample } from './live-line.ts'
import { IN_FLIGHT, type Item, store, storeRates } from './store-rates.ts'

const PRODUCERS = 4
/** Tasks that the consumer holds at a time, in its handlers and ahead of them. */
const PREFETCH = 128
const LOOK_MS = 50
/** Beside a hundredth of a second a message, which is ten times what it takes. */
const STALL_S = 30

interface Sizes extends Readonly<Record<string, number>> {
  readonly messages: number
  /** Of each of the three ways to write into the store. */
  readonly seconds: number
  /** Between two lines, in milliseconds. */
  readonly every: number
}

await runExample<Sizes>({
  name: 'pipeline',
  about: 'Producers, a queue, consumers and a slow store; and what a connection with many requests in flight is worth.',
  full: { messages: 40_000, seconds: 5, every: 1000 },
  short: { messages: 2000, seconds: 1, every: 250 },
  run: async ({ messages, seconds, every }) => {
    await using server = await TarantoolServer.start({ file: new URL('server.lua', import.meta.url) })
    await pipe(server.uri('app'), { messages, every })
    await compare(server.uri('app'), seconds)
  },
})

/** Producers → queue → consumer → store. */
async function pipe(
  uri: string,
  { messages, every }: { readonly messages: number; readonly every: number },
): Promise<void> {
  await using producer = await Queue.connect(uri)
  await using consumer = await Queue.connect(uri)
  // The store's own connection: 128 writes wait there while takes and acks go on beside them.
  await using tnt = await connect(uri)
  using line = new LiveLine(producer, 'work', { lookMs: LOOK_MS, everyMs: every })

  let finish = (): void => undefined
  const all = new Promise<void>((resolve) => {
    finish = resolve
  })
  let stored = 0
  const worker = consumer.tube<Item>('work').work(
    async ({ data }) => {
      await store(tnt, data)
      if (++stored === messages) finish()
    },
    { concurrency: PREFETCH, prefetch: 0, ttr: 60 },
  )
  const startedAt = performance.now()
  await Promise.all(Array.from({ length: PRODUCERS }, (_, i) => produce(producer, i, messages)))
  console.log(`${messages} messages put in ${((performance.now() - startedAt) / 1000).toFixed(2)} s`)
  await within(STALL_S + messages / 100, 'the storing of all messages', Promise.race([all, worker.finished]))
  const seconds = (performance.now() - startedAt) / 1000
  console.log(`all stored after ${seconds.toFixed(1)} s: ${(messages / seconds).toFixed(0)}/s`)
  await worker.close()

  const last = await line.close()
  check('the line tells what queue.statistics tells', last, toSample(await producer.statistics('work')))
  check(
    'every message was put, taken and acked once',
    { ...last },
    {
      ready: 0,
      taken: 0,
      delayed: 0,
      puts: messages,
      takes: messages,
      acks: messages,
      redelivered: 0,
    },
  )
  check(`no more than ${PREFETCH} were ever taken and not acked`, line.mostTaken <= PREFETCH)
  check(`the store holds ${messages} rows`, await tnt.call('count_stored'), [messages])
}

/** The messages whose number leaves `part` when divided by the number of producers. */
async function produce(queue: Queue, part: number, messages: number): Promise<void> {
  const tube = queue.tube<Item>('work')
  const slice: Promise<unknown>[] = []
  for (let id = part; id < messages; id += PRODUCERS) {
    slice.push(tube.put({ id, text: `message ${id}` }))
    // A thousand at a time wait for their confirmation; they travel and commit together.
    if (slice.length === 1000) await Promise.all(slice.splice(0))
  }
  await Promise.all(slice)
}

async function compare(uri: string, seconds: number): Promise<void> {
  const { sequential, connections, multiplexed } = await storeRates(uri, { seconds })
  console.log(`one request at a time                    ${sequential.toFixed(0)}/s`)
  console.log(`eight connections, one request each      ${connections.toFixed(0)}/s`)
  console.log(`one connection, ${IN_FLIGHT} requests in flight  ${multiplexed.toFixed(0)}/s`)
  check('one multiplexed connection does more than twice as much as eight', multiplexed >= 2.03 * connections)
  check('and eight do more than four times as much as one request at a time', connections > 4 * sequential)
}

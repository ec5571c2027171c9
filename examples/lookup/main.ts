import { type Client, connect } from '@tarantella/connector'
import { limitCalls, TooManyRequestsError } from '@tarantella/queue/limits'
import { check, runExample } from '../server/run-example.ts'
import { TarantoolServer } from '../server/tarantool-server.ts'

/** Names that the server knows: host1 to host1000. */
const HOSTS = 1000
/** Of one customer: so many lookups a second in the long run, so many more that wait, of which so many need not. */
const RATE = 200
const BURST = 300
const DELAY = 50
/** What the greedy customer asks for at once, and the modest ones. */
const GREEDY_CALLS = 1000
const MODEST_CALLS = 20
const MODEST = ['ann', 'bob', 'zoe']

interface Sizes extends Readonly<Record<string, number>> {
  /** Lookups all at once. */
  readonly lookups: number
  /** Lookups one after the other. */
  readonly sequential: number
}

await runExample<Sizes>({
  name: 'lookup',
  about: 'Slow lookups by key over one connection: one after the other, all at once, and through a limiter.',
  full: { lookups: 5000, sequential: 5000 },
  short: { lookups: 5000, sequential: 200 },
  run: async ({ lookups, sequential }) => {
    await using server = await TarantoolServer.start({ file: new URL('server.lua', import.meta.url) })
    await using tnt = await connect(server.uri('app'))
    const slow = await perSecond(sequential, async () => {
      for (let i = 0; i < sequential; i++) await lookup(tnt, i)
    })
    const fast = await perSecond(lookups, async () => {
      const addresses = await Promise.all(Array.from({ length: lookups }, (_, i) => lookup(tnt, i)))
      check(
        `${lookups} lookups at once each get their own answer`,
        addresses.every((address, i) => address === addressOf(i)),
      )
    })
    console.log(
      `one after the other ${slow.toFixed(0)}/s, all at once ${fast.toFixed(0)}/s: ${(fast / slow).toFixed(0)} times`,
    )
    check('all at once is at least 20 times as fast', fast >= 20 * slow)
    await limited(tnt)
  },
})

async function lookup(tnt: Client, i: number): Promise<string | null | undefined> {
  const [address] = await tnt.call<[string | null]>('lookup', [hostOf(i)])
  return address
}

/** Every customer has the same limit, and one of them asks for far more than that. */
async function limited(tnt: Client): Promise<void> {
  const asks = limitCalls(
    { key: (customer) => customer, zone: { rate: RATE, size: 1000 }, burst: BURST, delay: DELAY },
    (_customer: string, i: number) => lookup(tnt, i),
  )
  await tnt.call('record_lookups')
  const startedAt = performance.now()
  const greedy = Promise.allSettled(Array.from({ length: GREEDY_CALLS }, (_, i) => asks('greedy', i)))
  const askingMs = performance.now() - startedAt
  await Promise.all(MODEST.flatMap((customer) => Array.from({ length: MODEST_CALLS }, (_, i) => asks(customer, i))))
  const modestMs = performance.now() - startedAt
  const results = await greedy
  const greedyMs = performance.now() - startedAt

  const refused = results.filter(
    (result) => result.status === 'rejected' && result.reason instanceof TooManyRequestsError,
  )
  const passed = GREEDY_CALLS - refused.length
  // A little drains while it still asks.
  const drained = Math.ceil((askingMs * RATE) / 1000)
  console.log(
    `the greedy customer asks ${GREEDY_CALLS} times in ${askingMs.toFixed(1)} ms: ${passed} pass, ${refused.length} are refused`,
  )
  check('the burst and one more pass, and what drains meanwhile', passed > BURST && passed <= BURST + 1 + drained)
  check('the modest customers wait for nobody', modestMs < greedyMs / 2)
  const [total, busiest] = await tnt.call<[number, number]>('recorded_lookups')
  check('what was refused has not reached the server', total, passed + MODEST.length * MODEST_CALLS)
  console.log(`the server saw ${total} in ${(greedyMs / 1000).toFixed(1)} s, ${busiest} of them in the busiest second`)
  // Those that need not wait, of all customers, and a second at the rate; the rest is for a machine that is busy.
  const most = MODEST.length * MODEST_CALLS + DELAY + RATE
  check('those above the burst come at the rate', greedyMs >= (1000 * (passed - drained - 1 - DELAY)) / RATE - 1)
  check('so the server is not flooded', busiest < 1.5 * most)
}

async function perSecond(count: number, work: () => Promise<void>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return count / ((performance.now() - startedAt) / 1000)
}

function hostOf(i: number): string {
  return `host${(i % HOSTS) + 1}`
}

function addressOf(i: number): string {
  const host = (i % HOSTS) + 1
  return `10.0.${Math.floor(host / 256)}.${host % 256}`
}

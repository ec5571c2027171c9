import { setTimeout as pause } from 'node:timers/promises'
import { check, runExample } from '../server/run-example.ts'
import { within } from '../server/within.ts'
import { Cluster } from './cluster.ts'
import { Gateways } from './gateways.ts'
import { type ClusterPush, keyOf } from './messages.ts'
import { BURST } from './senders.ts'

const MAILING = 'news'
/** It is asked first, and it is the one that is killed. */
const VICTIM = 's2'
/** The victim's baton with which it is killed. */
const HOLD_AT = 5
/** A server that makes less than this part of an even share has not done its work: 20 % of the batches for three. */
const LEAST_PART = 0.6
const LOOK_MS = 100
/** Seconds for what takes no time, and for the batches of all others. */
const SOON = 30
const LONG = 300

interface Sizes extends Readonly<Record<string, number>> {
  readonly servers: number
  readonly users: number
  /** Users in a batch. */
  readonly batch: number
  /** Pushes a second that each gateway takes. */
  readonly rate: number
  /** Seconds without a baton after which it counts as lost. */
  readonly silence: number
}

await runExample<Sizes>({
  name: 'push-cluster',
  about: 'A mailing goes round a ring of servers by the baton. --kill-server before, or during.',
  full: { servers: 3, users: 30_000, batch: 500, rate: 1000, silence: 5 },
  short: { servers: 3, users: 1800, batch: 30, rate: 600, silence: 2 },
  texts: { 'kill-server': '' },
  run: async ({ servers, users, batch, rate, silence }, { 'kill-server': kill = '' }) => {
    if (!['', 'before', 'during'].includes(kill)) throw new Error('--kill-server must be before or during')
    if (servers < 2) throw new Error('--servers must be 2 at least')
    await using gateways = await Gateways.start(rate, servers * (BURST + 1))
    const settings = { users, batch, rate: rate / servers, silence, gatewayUrl: gateways.url }
    await using cluster = await Cluster.start(servers, settings)
    console.log(`${servers} servers with ${users} users each: ${cluster.names.join(', ')}`)
    const live = cluster.names.filter((name) => kill !== 'before' || name !== VICTIM)
    if (kill === 'before') await cluster.kill(VICTIM)
    await Promise.all(live.map((name) => cluster.run(name, kill === 'during' && name === VICTIM ? HOLD_AT : 0)))

    const startedAt = performance.now()
    const later = cluster.names.filter((name) => name > VICTIM)
    console.log(await cluster.fire(MAILING, [VICTIM, ...later, ...cluster.names.filter((name) => name < VICTIM)]))
    const early = kill === 'during' ? await killTheHolder(cluster, gateways, silence) : 0
    await gateways.count(users)
    console.log(`${users} pushes in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`)

    await checkDelivery(cluster, gateways, kill === 'during')
    if (kill === 'during') {
      const rest = gateways.pushes.slice(early)
      check(
        'what came after its return was its own',
        rest.filter(({ server }) => server !== VICTIM),
        [],
      )
    }
    checkShares(gateways.pushes, kill === '' ? live : live.filter((name) => name !== VICTIM))
    if (kill === 'before') check('no batch was made on the dead server', batchesOf(gateways.pushes, VICTIM), 0)
  },
})

/** @returns how many pushes were out before the killed server came back */
async function killTheHolder(cluster: Cluster, gateways: Gateways, silence: number): Promise<number> {
  await within(SOON, `that ${VICTIM} has its baton number ${HOLD_AT}`, cluster.program(VICTIM).line(/^holds/))
  await cluster.kill(VICTIM)
  const killedAt = performance.now()
  console.log(`${VICTIM} is killed with the baton (SIGKILL), and with the pushes of its own queue`)
  const others = cluster.names.filter((name) => name !== VICTIM)
  const said = (pattern: RegExp): Promise<string> =>
    Promise.any(others.map((name) => cluster.program(name).line(pattern)))
  const reissued = await within(SOON + 3 * silence, 'that the lost baton is issued again', said(/^reissued/))
  const seconds = (performance.now() - killedAt) / 1000
  console.log(`after ${seconds.toFixed(1)} s: ${reissued}`)
  check(`the lost baton was issued again within ${3 * silence} s`, seconds < 3 * silence)
  await within(LONG, 'the end of the mailing', said(/^ends/))
  await emptied(cluster, others)
  const early = gateways.pushes.length
  console.log(`without it ${early} pushes are out, the others are in its queue`)

  await cluster.revive(VICTIM)
  await within(SOON, `that ${VICTIM} drops its old baton`, cluster.program(VICTIM).line(/^dropped/))
  console.log(`holds: ${VICTIM} is back with its baton, and has dropped it`)
  return early
}

/** Resolves when the servers have nothing left to do. */
async function emptied(cluster: Cluster, names: readonly string[]): Promise<void> {
  const giveUpAt = performance.now() + LONG * 1000
  for (const name of names) {
    for (let left = await cluster.left(name); left > 0; left = await cluster.left(name)) {
      if (performance.now() > giveUpAt) throw new Error(`TASKS ARE STUCK: ${name} still has ${left}`)
      await pause(LOOK_MS)
    }
  }
}

async function checkDelivery(cluster: Cluster, gateways: Gateways, wasKilled: boolean): Promise<void> {
  const wanted = (await cluster.userIds()).map((id) => keyOf(MAILING, id)).sort()
  check('every user got the push, and nobody else', gateways.pushes.map(({ id }) => id).sort(), wanted)
  const makers = new Map<string, Set<string>>()
  for (const { batch, server } of gateways.pushes) makers.set(batch, (makers.get(batch) ?? new Set()).add(server))
  check(
    'each batch was made on one server',
    [...makers].filter(([, servers]) => servers.size > 1),
    [],
  )
  const { repeats, refused } = gateways
  console.log(`refused by the gateways, and sent again: ${refused}; came twice: ${repeats.length}`)
  check(
    wasKilled ? 'only pushes that the killed server had under way came twice' : 'no push came twice',
    repeats.filter(({ server }) => !wasKilled || server !== VICTIM),
    [],
  )
}

function checkShares(pushes: readonly ClusterPush[], names: readonly string[]): void {
  const all = new Set(pushes.map(({ batch }) => batch)).size
  const least = LEAST_PART / names.length
  for (const name of names) {
    const share = batchesOf(pushes, name) / all
    console.log(`${name} has made ${batchesOf(pushes, name)} of ${all} batches: ${(100 * share).toFixed(0)} %`)
    // With a server killed on the way the others share what it has not made.
    check(`that is ${(100 * least).toFixed(0)} % at least`, share >= least)
  }
}

function batchesOf(pushes: readonly ClusterPush[], name: string): number {
  return new Set(pushes.filter(({ server }) => server === name).map(({ batch }) => batch)).size
}

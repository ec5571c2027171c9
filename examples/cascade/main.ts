import { setTimeout as pause } from 'node:timers/promises'
import { type Client, connect } from '@tarantella/connector'
import { Placement } from '@tarantella/queue/servers'
import { check, runExample } from '../server/run-example.ts'
import { Deliveries } from './deliveries.ts'
import { keyOfPiece, keyOfPush, type Piece } from './messages.ts'
import { Servers } from './servers.ts'
import { Staff } from './staff.ts'

const MAILING = 'news'
/** The range that the killed worker has begun to split. */
const STOP_AT = 3
const LOOK_MS = 50
/** Without a task done the others are never done. */
const STALL_MS = 20_000

interface Sizes extends Readonly<Record<string, number>> {
  readonly servers: number
  readonly workers: number
  /** Numbered users have ids up to this. */
  readonly ids: number
  /** Users with a name for a key. */
  readonly names: number
  /** Users of a piece that is not split any more. */
  readonly leaf: number
  readonly 'fan-out': number
}

interface Count {
  /** Tasks that are not done. */
  readonly left: number
  /** Pieces that were put a second time, and dropped by their key. */
  readonly dropped: number
}

await runExample<Sizes>({
  name: 'cascade',
  about: 'Ranges of users are split until they are small, then a push for each. --kill-worker mid-split.',
  full: { servers: 3, workers: 2, ids: 100_000, names: 5000, leaf: 100, 'fan-out': 10 },
  short: { servers: 2, workers: 2, ids: 20_000, names: 500, leaf: 100, 'fan-out': 10 },
  texts: { 'kill-worker': '' },
  run: async ({ servers: size, workers, ids, names, leaf, 'fan-out': fanOut }, { 'kill-worker': kill = '' }) => {
    if (!['', 'mid-split'].includes(kill)) throw new Error('--kill-worker must be mid-split')
    if (fanOut < 2 || workers < 2) throw new Error('--fan-out and --workers must be 2 at least')
    await using servers = await Servers.start(size, ids, names)
    const { uris } = servers
    const users = await userKeys(uris)
    console.log(`${users.length} users with numbers of 1 to ${ids}, or names, on each of ${size} servers`)

    await using staff = new Staff()
    for (let i = 1; i <= workers; i++) {
      const stopAt = kill !== '' && i === 1 ? STOP_AT : 0
      staff.add(`worker ${i}`, { servers: uris, leaf, fanOut, stopAt })
    }
    await staff.ready()
    await using deliveries = await Deliveries.start(uris)
    const startedAt = performance.now()
    await begin(uris, ids)
    if (kill !== '') {
      await staff.midSplit()
      // All but the range itself: what its first children have led to is done, and only their keys are left.
      await untilLeft(uris, 1)
      console.log(`${deliveries.keys.length} pushes are out when the worker is killed in mid-split (SIGKILL)`)
      await staff.killFirst()
    }
    await deliveries.count(users.length)
    const { dropped } = await untilLeft(uris, 0)
    const seconds = (performance.now() - startedAt) / 1000
    console.log(`${users.length} pushes in ${seconds.toFixed(1)} s; pieces put again, and dropped: ${dropped}`)

    check('every user got the push, and nobody else', deliveries.keys, users)
    check('nobody got it twice', deliveries.repeats, [])
    check('each was on the server of its key', deliveries.misplaced, 0)
    console.log('pushes by server:', deliveries.shares)
    check(
      'every server had at least half of an even share',
      Math.min(...Object.values(deliveries.shares)) > users.length / size / 2,
    )
    check(kill === '' ? 'no piece was split twice' : 'a range was split twice', dropped > 0, kill !== '')
  },
})

/** Puts the first two pieces: all numbers, and the first page of names. */
async function begin(uris: Readonly<Record<string, string>>, ids: number): Promise<void> {
  await using pieces = new Placement<Piece>({ servers: uris, tube: 'pieces' })
  const among = pieces.servers
  const first: readonly Piece[] = [
    { kind: 'range', mailing: MAILING, among, from: 1, to: ids },
    { kind: 'page', mailing: MAILING, among, after: '' },
  ]
  for (const piece of first) await pieces.putFor(keyOfPiece(piece), piece, { key: keyOfPiece(piece), among })
}

/** What is to be pushed, read from one of the servers at once: sorted keys. */
async function userKeys(uris: Readonly<Record<string, string>>): Promise<string[]> {
  const [uri = ''] = Object.values(uris)
  await using tnt = await connect(uri)
  const keys: string[] = []
  for (const space of ['numbered', 'named']) {
    for await (const [user] of tnt.iterate<[number | string]>(space)) keys.push(keyOfPush({ mailing: MAILING, user }))
  }
  return keys.sort()
}

/**
 * Resolves when the servers together have no more than so many tasks.
 *
 * @throws if for {@link STALL_MS} their number does not change
 */
async function untilLeft(uris: Readonly<Record<string, string>>, wanted: number): Promise<Count> {
  const clients = await Promise.all(Object.values(uris).map((uri) => connect(uri)))
  let before = -1
  let changedAt = performance.now()
  try {
    for (;;) {
      const counts = await Promise.all(clients.map(look))
      const left = counts.reduce((sum, count) => sum + count.left, 0)
      if (left <= wanted) return { left, dropped: counts.reduce((sum, count) => sum + count.dropped, 0) }
      if (left !== before) changedAt = performance.now()
      else if (performance.now() - changedAt > STALL_MS) throw new Error(`TASKS ARE STUCK: ${left} are not done`)
      before = left
      await pause(LOOK_MS)
    }
  } finally {
    await Promise.all(clients.map((tnt) => tnt.close()))
  }
}

async function look(tnt: Client): Promise<Count> {
  const [pieces, pushes] = await Promise.all(['pieces', 'pushes'].map((tube) => statistics(tnt, tube)))
  if (pieces === undefined || pushes === undefined) throw new Error('there are two tubes')
  return { left: pieces.tasks.total + pushes.tasks.total, dropped: pieces.dedup.duplicates }
}

interface Statistics {
  readonly tasks: { readonly total: number }
  readonly dedup: { readonly duplicates: number }
}

async function statistics(tnt: Client, tube: string): Promise<Statistics> {
  const [answer] = await tnt.call<[Statistics]>('queue.statistics', [tube])
  return answer
}

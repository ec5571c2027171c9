import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type BatchWriter, batchWriter, Queue } from '@tarantella/queue'
import { check, runExample } from '../server/run-example.ts'
import { TarantoolServer } from '../server/tarantool-server.ts'
import { TemporaryFolder } from '../server/temporary-folder.ts'
import { type Database, EmbeddedDatabase, insert, makeTable, RemoteDatabase, storedIds } from './database.ts'
import { HttpServer } from './http-server.ts'
import { Intake } from './intake.ts'
import { Poster } from './poster.ts'
import type { PostedRecord } from './record.ts'

const MAX_SIZE = 500
const MAX_BUFFERED = 1000

interface Sizes extends Readonly<Record<string, number>> {
  readonly posts: number
  /** Posts a second. */
  readonly rate: number
  /** Seconds that the database is down. */
  readonly down: number
}

await runExample<Sizes>({
  name: 'http-store',
  about: 'POST /store to a tube, and from there in batches into PostgreSQL, which is down for a while.',
  full: { posts: 10_000, rate: 500, down: 3 },
  short: { posts: 1500, rate: 500, down: 0.5 },
  texts: { database: '' },
  run: async (sizes, { database: url = '' }) => {
    await using folder = await TemporaryFolder.make()
    await using database = url === '' ? new EmbeddedDatabase(join(folder.path, 'pg')) : new RemoteDatabase(url)
    await database.comeUp()
    await makeTable(database)
    await using first = await TarantoolServer.start({ tubes: ['records'] })
    await using second = await TarantoolServer.start({ tubes: ['records'] })
    await run({ database, first, second, sizes })
  },
})

interface Plant {
  readonly database: Database
  readonly first: TarantoolServer
  readonly second: TarantoolServer
  readonly sizes: Sizes
}

async function run(plant: Plant): Promise<void> {
  const { database, first, second } = plant
  await using intake = await Intake.connect([first.uri('producer'), second.uri('producer')])
  await using http = await HttpServer.start(intake)
  using poster = new Poster(http.url)
  await using one = await Queue.connect({ uri: first.uri('consumer'), reconnect: { maxDelayMs: 200 } })
  await using two = await Queue.connect({ uri: second.uri('consumer'), reconnect: { maxDelayMs: 200 } })
  const writers = [one, two].map((queue) => startWriter(queue, database))

  await databaseDown(plant, poster)
  await oneQueueDown(plant, poster)
  await bothQueuesDown(plant, poster)
  check('what is no record is refused', [await poster.status('{"id": 7'), await poster.status('{"id": 7}')], [400, 400])

  await untilEmpty([one, two])
  const mostBuffered = writers.map(({ most }) => most())
  await Promise.all(writers.map(({ writer }) => writer.close()))
  const stored = await storedIds(database)
  console.log(`${poster.accepted.length} accepted, ${poster.refused.length} refused with 503, ${stored.length} stored`)
  check('stored is what was accepted, and nothing else', stored.join() === poster.accepted.sort().join())
  check(`no writer held more than ${MAX_BUFFERED} records`, Math.max(...mostBuffered) <= MAX_BUFFERED)
}

function startWriter(
  queue: Queue,
  database: Database,
): { readonly writer: BatchWriter<PostedRecord>; readonly most: () => number } {
  let most = 0
  const writer = batchWriter(queue.tube<PostedRecord>('records'), (records) => insert(database, records), {
    maxSize: MAX_SIZE,
    maxAgeMs: 200,
    maxBuffered: MAX_BUFFERED,
    maxDelayMs: 500,
    ttr: 10,
    // While the database is down nothing more is taken: it waits in the tube, where there is room.
    ready: () => database.query('SELECT 1'),
  })
  const look = (): void => {
    most = Math.max(most, writer.buffered)
  }
  writer.on('stored', look)
  writer.on('outage', (_error, failures) => {
    look()
    if (failures === 1) console.log(`the database fails; ${writer.buffered} records are held`)
  })
  writer.on('recovered', () => console.log('the database is back'))
  return { writer, most: () => most }
}

/** Nobody who posts notices that the database is away. */
async function databaseDown({ database, sizes: { posts, rate, down } }: Plant, poster: Poster): Promise<void> {
  const posting = poster.post('post', posts, rate)
  await pause((posts / rate / 3) * 1000)
  await database.goDown()
  await pause(down * 1000)
  const acceptedSoFar = poster.accepted.length
  await database.comeUp()
  await posting
  check(`all ${posts} posts are accepted, the database being down for ${down} s of them`, poster.accepted.length, posts)
  check('also while it was down', acceptedSoFar > 0)
}

/** Posts go to the other server; what is in the tube of the killed one is stored when it is back. */
async function oneQueueDown({ first, sizes: { rate } }: Plant, poster: Poster): Promise<void> {
  const before = poster.accepted.length
  await first.kill()
  await poster.post('other', 100, rate)
  check('with one queue server killed the other one takes the posts', poster.accepted.length - before, 100)
  await first.startAgain()
}

async function bothQueuesDown({ first, second, sizes: { rate } }: Plant, poster: Poster): Promise<void> {
  await Promise.all([first.kill(), second.kill()])
  await poster.post('nowhere', 50, rate)
  check('with both killed every post is answered with 503', poster.refused.length, 50)
  await Promise.all([first.startAgain(), second.startAgain()])
}

/** The writers connect again by themselves, and go on. */
async function untilEmpty(queues: readonly Queue[]): Promise<void> {
  for (const queue of queues) {
    while ((await queue.statistics('records')).tasks.total > 0) await pause(50)
  }
}

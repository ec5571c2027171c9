import { Queue, scheduleLocal } from '@tarantella/queue'
import { check, runExample } from '../server/run-example.ts'
import { TarantoolServer } from '../server/tarantool-server.ts'
import { within } from '../server/within.ts'
import { type Clock, Mailing, makeRecipients, type Push, type Recipient } from './mailing.ts'
import { ZONES, type Zone } from './zones.ts'

/** In Europe the clocks are put forward on this day; in America they have been, in Australia they have not been put back. */
const DATE = '2027-03-28'
/** An hour of the zones takes so long here. */
const HOUR_MS = 100
/** After the last push was due. */
const STALL_S = 30

interface Sizes extends Readonly<Record<string, number>> {
  readonly recipients: number
  /** Seconds until the first push is due, in which all is prepared and changed. */
  readonly ahead: number
}

await runExample<Sizes>({
  name: 'time-zones',
  about: 'A mailing at 09:00 of everybody’s own clock, put ahead, and then repeated, moved and cancelled by key.',
  full: { recipients: 24_000, ahead: 20 },
  short: { recipients: 480, ahead: 5 },
  run: async ({ recipients, ahead }) => {
    await using server = await TarantoolServer.start()
    await using queue = await Queue.connect(server.uri('admin'))
    await send(server, queue, makeRecipients(recipients), Date.now() + ahead * 1000)
  },
})

async function send(
  server: TarantoolServer,
  queue: Queue,
  recipients: readonly Recipient[],
  startAt: number,
): Promise<void> {
  const tube = await queue.createTube<Push>('push', { type: 'fifottl', dedup: true })
  const mailing = new Mailing('spring', tube)
  const nine = clockOf('09:00', startAt)
  const eleven = clockOf('11:00', startAt)

  check('all are new', await mailing.prepare(recipients, nine), 0)
  check('prepared once more, all were there', await mailing.prepare(recipients, nine), recipients.length)
  const leaving = recipients.filter(({ id }) => id % 10 === 3)
  const cancelled = await Promise.all(leaving.map(({ id }) => mailing.cancel(id)))
  check('every tenth is cancelled', cancelled.every(Boolean))
  check('and can be cancelled only once', await mailing.cancel(3), false)
  const americans = recipients.filter(({ zone }) => zone.startsWith('America/'))
  const staying = americans.filter((recipient) => !leaving.includes(recipient))
  check(
    'America is moved to 11:00, but for those who are cancelled',
    await mailing.move(americans, eleven),
    staying.length,
  )

  await server.kill()
  await server.startAgain()
  check('all of it was done before the first is due', Date.now() < startAt)
  const { tasks } = await queue.statistics('push')
  check('after a kill (SIGKILL) and a start all of them wait', tasks.delayed, recipients.length - leaving.length)

  const due = new Map(recipients.map(({ id, zone }) => [id, zone.startsWith('America/') ? eleven(zone) : nine(zone)]))
  for (const { id } of leaving) due.delete(id)
  await deliver(queue, due)
}

/** Checks who gets it, and when. */
async function deliver(queue: Queue, due: ReadonlyMap<number, number>): Promise<void> {
  const lateness = new Map<number, number>()
  let deliveries = 0
  let finish = (): void => undefined
  const all = new Promise<void>((resolve) => {
    finish = resolve
  })
  const worker = queue.tube<Push>('push').work(({ data: { id, dueAt } }) => {
    lateness.set(id, Date.now() - (due.get(id) === dueAt ? dueAt : Number.POSITIVE_INFINITY))
    if (++deliveries === due.size) finish()
  })
  const last = Math.max(...due.values())
  await within((last - Date.now()) / 1000 + STALL_S, 'the delivery of all pushes', Promise.race([all, worker.finished]))
  await worker.close()
  const sorted = Array.from(lateness.values()).sort((a, b) => a - b)
  console.log(`lateness: median ${sorted[sorted.length >> 1]} ms, longest ${sorted.at(-1)} ms`)
  check(
    'each of those who stay gets it once',
    { people: lateness.size, deliveries },
    { people: due.size, deliveries: due.size },
  )
  check(
    'at the moment of the last change, and none before it',
    sorted.every((ms) => ms >= 0),
  )
  check('and nothing is left', (await queue.statistics('push')).tasks.total, 0)
}

/** Where 09:00 of the easternmost zone is at `startAt`, and an hour takes {@link HOUR_MS}. */
function clockOf(time: string, startAt: number): Clock {
  const momentOf = (local: string, tz: Zone): number => scheduleLocal({ time: local, tz, date: DATE }).getTime()
  const first = Math.min(...ZONES.map((zone) => momentOf('09:00', zone)))
  return (zone) => startAt + ((momentOf(time, zone) - first) / 3_600_000) * HOUR_MS
}

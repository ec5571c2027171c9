import { type Client, connect, TarantellaError } from '@tarantella/connector'
import { Queue } from '@tarantella/queue'
import { check, runExample } from '../server/run-example.ts'
import { TarantoolServer } from '../server/tarantool-server.ts'
import { type Register, registerByFunction, registerByStream, registerSurely } from './registration.ts'

interface Sizes extends Readonly<Record<string, number>> {
  /** Users of each of the two ways. */
  readonly users: number
  /** How often the server is killed while they register. */
  readonly kills: number
}

await runExample<Sizes>({
  name: 'outbox',
  about: 'A row and its task in one transaction: when the server is killed between, both are there or neither.',
  full: { users: 20_000, kills: 5 },
  short: { users: 1_000, kills: 2 },
  run: async ({ users, kills }) => {
    await using server = await TarantoolServer.start({ file: new URL('server.lua', import.meta.url) })
    await using tnt = await connect({ uri: server.uri('app'), reconnect: { minDelayMs: 20, maxDelayMs: 100 } })
    const town: Town = { server, tnt }
    await crashInside(town)
    await storm(town, registerByFunction, { users, kills, prefix: 'function' })
    if (tnt.server?.features.has('streams') === true) {
      await crashBetweenRequests(town)
      await storm(town, registerByStream, { users, kills, prefix: 'stream' })
    } else {
      const refusal: unknown = await registerByStream(tnt, 'eve').catch((error: unknown) => error)
      check('without streams the way over the network is refused', codeOf(refusal), 'UNSUPPORTED')
      console.log(refusal instanceof Error ? refusal.message : '')
    }
    await deliver(town)
  },
})

interface Town {
  readonly server: TarantoolServer
  readonly tnt: Client
}

/** The server dies in the midst of its own function, between the row and the task. */
async function crashInside({ server, tnt }: Town): Promise<void> {
  await registerByFunction(tnt, 'ann')
  await Promise.all([server.untilDead(), tnt.call('register', ['bob', true]).catch(ignoreLoss)])
  await server.startAgain()
  check('killed between the row and the task: neither is there, and what was there before is', await state(tnt), {
    users: ['ann'],
    tasks: 1,
  })
  await registerSurely(registerByFunction, tnt, 'bob')
  check('registered again: both are there', await state(tnt), { users: ['ann', 'bob'], tasks: 2 })
}

/** The server dies after the row of an open transaction was answered, and before the task was sent. */
async function crashBetweenRequests({ server, tnt }: Town): Promise<void> {
  const before = await state(tnt)
  const outcome = tnt.begin(async (tx) => {
    await tx.insert('users', ['carol'])
    await server.kill()
    await tx.call('queue.put', ['welcome', { name: 'carol' }])
  })
  await outcome.catch(ignoreLoss)
  await server.startAgain()
  check('killed between two requests of a transaction: neither is there', await state(tnt), before)
  await registerSurely(registerByStream, tnt, 'carol')
  check('registered again: both are there', (await state(tnt)).tasks, before.tasks + 1)
}

/** Many register at once while the server is killed and started again, several times. */
async function storm(
  { server, tnt }: Town,
  register: Register,
  { users, kills, prefix }: { users: number; kills: number; prefix: string },
): Promise<void> {
  const before = await state(tnt)
  let registered = 0
  let reached = (): void => undefined
  let next = Number.POSITIVE_INFINITY
  const names = Array.from({ length: users }, (_, i) => `${prefix}-${i}`)
  const callers = Array.from({ length: 100 }, async () => {
    for (let name = names.pop(); name !== undefined; name = names.pop()) {
      await registerSurely(register, tnt, name)
      if (++registered >= next) reached()
    }
  })
  const all = Promise.all(callers)
  for (let kill = 1; kill <= kills; kill++) {
    const moment = new Promise<void>((resolve) => {
      reached = resolve
      next = Math.floor((users * kill) / (kills + 1))
    })
    await Promise.race([moment, all])
    await server.kill()
    await server.startAgain()
  }
  await all
  const after = await state(tnt)
  check(
    `${users} registered by ${prefix} under ${kills} kills: a row for each`,
    after.users.length - before.users.length,
    users,
  )
  check('and one task for each row', after.tasks, after.users.length)
}

/** Every user gets one mail. */
async function deliver({ server, tnt }: Town): Promise<void> {
  const { users } = await state(tnt)
  await using queue = await Queue.connect(server.uri('app'))
  const tube = queue.tube<{ name: string }>('welcome')
  const mailed: string[] = []
  for (let tasks = await tube.takeMany(1000, 0); tasks.length > 0; tasks = await tube.takeMany(1000, 0)) {
    for (const task of tasks) mailed.push(task.data.name)
    await tube.ackMany(tasks)
  }
  check(
    `each of the ${users.length} users gets one mail, and nobody else does`,
    mailed.sort().join(),
    users.sort().join(),
  )
}

async function state(tnt: Client): Promise<{ users: string[]; tasks: number }> {
  const users: string[] = []
  for await (const [name] of tnt.iterate<[string]>('users')) users.push(name)
  const statistics = await new Queue(tnt).statistics('welcome')
  return { users, tasks: statistics.tasks.total }
}

function codeOf(error: unknown): unknown {
  return error instanceof TarantellaError ? error.code : undefined
}

/** The connection went with the server: that is what was wanted. */
function ignoreLoss(error: unknown): void {
  if (codeOf(error) === undefined) throw error
}

import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Queue } from '@tarantella/queue'
import { Placement, Ring } from '@tarantella/queue/servers'
import ts from 'typescript'
import { expect, onTestFinished, test } from 'vitest'
import { deferred } from '../helpers/deferred.ts'
import { type QueueServer, startQueue } from '../helpers/start-queue.ts'

const USERS = 600
const BATCH = 20

interface Push {
  readonly user: number
}

type Name = 'a' | 'b' | 'c'
const NAMES: readonly Name[] = ['a', 'b', 'c']

async function startServers(): Promise<Record<Name, QueueServer>> {
  const [a, b, c] = await Promise.all(NAMES.map(() => startQueue('ignored:fifo')))
  if (a === undefined || b === undefined || c === undefined) throw new Error('There are three servers')
  return { a, b, c }
}

const urisOf = (servers: Record<Name, QueueServer>): Record<Name, string> => ({
  a: servers.a.uriOf('admin'),
  b: servers.b.uriOf('admin'),
  c: servers.c.uriOf('admin'),
})

/** The application of one server: picks users above the baton, and puts their pushes to its own queue. */
async function startNode(self: Name, servers: Record<Name, QueueServer>, silence: number) {
  const ring = new Ring<{ from: number }>({
    self,
    servers: urisOf(servers),
    silence,
    connectTimeoutMs: 500,
    downMs: 60_000,
  })
  onTestFinished(() => ring.close({ graceMs: 0 }))
  const queue = await servers[self].queue()
  const generated: number[] = []
  const work = async (hold?: Promise<void>): Promise<void> => {
    await ring.work(async ({ from }) => {
      if (hold !== undefined && from > 0) await hold
      const users = Array.from({ length: Math.min(BATCH, USERS - from) }, (_, i) => from + i)
      const last = from + users.length
      return {
        ...(last < USERS ? { next: { from: last } } : {}),
        work: async () => {
          generated.push(from)
          await queue.tube<Push>('push').putMany(users.map((user) => ({ data: { user }, key: `m:${user}` })))
        },
      }
    })
  }
  return { ring, queue, generated, work }
}

async function createTubes(servers: Record<Name, QueueServer>): Promise<void> {
  const ring = new Ring({ self: 'a', servers: urisOf(servers) })
  await ring.createTubes()
  await ring.close()
  for (const name of NAMES) {
    const queue = await servers[name].queue()
    await queue.createTube('push', { type: 'fifottl', dedup: true })
  }
}

/** The users whose pushes are in a server's queue. */
async function usersIn(queue: Queue): Promise<number[]> {
  const users: number[] = []
  for (;;) {
    const tasks = await queue.tube<Push>('push').takeMany(1000, 0.05)
    if (tasks.length === 0) return users
    users.push(...tasks.map((task) => task.data.user))
  }
}

const ALL = Array.from({ length: USERS }, (_, user) => user)
const sorted = (users: number[]): number[] => users.toSorted((x, y) => x - y)

// Requirement 16: ranges are cut by a cursor, and named by the mailing and the hop.
test('requirement 12: a mailing goes round the ring, each batch is made once, on each server its share', async () => {
  const servers = await startServers()
  await createTubes(servers)
  const nodes = await Promise.all(NAMES.map((name) => startNode(name, servers, 30)))
  await Promise.all(nodes.map((node) => node.work()))
  const [first] = nodes
  expect(await first?.ring.start('m', { from: 0 })).toBe('a')
  expect(await first?.ring.start('m', { from: 0 })).toBeUndefined()
  const made = (): number => nodes.reduce((sum, { generated }) => sum + generated.length, 0)
  await expect.poll(made, { timeout: 20_000 }).toBe(USERS / BATCH)
  for (const { generated } of nodes) expect(generated.length).toBeGreaterThanOrEqual((USERS / BATCH) * 0.2)
  const users = await Promise.all(nodes.map(({ queue }) => usersIn(queue)))
  expect(sorted(users.flat())).toEqual(ALL)
})

// Requirement 15: the put to the first server that is there is confirmed before start() resolves.
test('requirement 13: a server that is down is passed by, and one that starts a mailing finds another for it', async () => {
  const servers = await startServers()
  await createTubes(servers)
  const [a, c] = await Promise.all([startNode('a', servers, 30), startNode('c', servers, 30)])
  await Promise.all([a.work(), c.work()])
  await servers.b.kill()
  const starter = new Ring<{ from: number }>({ self: 'b', servers: urisOf(servers), connectTimeoutMs: 500 })
  onTestFinished(() => starter.close())
  expect(await starter.start('m', { from: 0 })).toBe('c')
  await expect.poll(() => a.generated.length + c.generated.length, { timeout: 20_000 }).toBe(USERS / BATCH)
  const users = await Promise.all([usersIn(a.queue), usersIn(c.queue)])
  expect(sorted(users.flat())).toEqual(ALL)
})

test('requirement 14: a baton whose server dies is issued again elsewhere, and the rest of the mailing goes out', async () => {
  const servers = await startServers()
  await createTubes(servers)
  const [a, b, c] = await Promise.all([
    startNode('a', servers, 1),
    startNode('b', servers, 1),
    startNode('c', servers, 1),
  ])
  const never = deferred()
  const reissued: string[] = []
  for (const { ring } of [a, c])
    ring.on('reissued', (mailing, hop, server) => reissued.push(`${mailing}:${hop} ${server}`))
  // The server b takes its baton, and dies with it.
  await Promise.all([a.work(), b.work(never.promise), c.work()])
  expect(await a.ring.start('m', { from: 0 })).toBe('a')
  await expect.poll(async () => (await b.queue.statistics('baton')).tasks.taken, { timeout: 10_000 }).toBe(1)
  await servers.b.kill()
  never.resolve()
  await expect.poll(() => a.generated.length + c.generated.length, { timeout: 30_000 }).toBe(USERS / BATCH)
  expect(reissued[0]).toBe('m:1 c')

  // Back again, it has its baton still, and sees that the mailing went on without.
  const dropped = deferred<string>()
  b.ring.on('dropped', (mailing, hop) => dropped.resolve(`${mailing}:${hop}`))
  await servers.b.restart()
  expect(await dropped.promise).toBe('m:1')
  const users = await Promise.all([a, b, c].map(({ queue }) => usersIn(queue)))
  expect(sorted(users.flat())).toEqual(ALL)
})

test('requirement 17: keyed tasks go to the key’s server, others to one that is there', async () => {
  const servers = await startServers()
  for (const name of NAMES) await (await servers[name].queue()).createTube('push', { type: 'fifottl' })
  const placement = new Placement<Push>({ servers: urisOf(servers), tube: 'push', self: 'a', downMs: 60_000 })
  onTestFinished(() => placement.close({ graceMs: 0 }))
  const among = placement.servers
  const keyed = await Promise.all(ALL.slice(0, 60).map((user) => placement.putFor(`u${user}`, { user }, { among })))
  for (const [user, { server }] of keyed.entries()) expect(server).toBe(placement.serverFor(`u${user}`))
  expect(new Set(keyed.map(({ server }) => server)).size).toBe(3)

  const got: number[] = []
  const workers = await placement.work((task) => got.push(task.data.user), { takeFrom: 'all' })
  await expect.poll(() => got.length, { timeout: 10_000 }).toBe(60)

  // Until the loss of the connection is seen here, a put may be written to it, and then `sent` is true.
  const lostSeen = Promise.race(workers.map((worker) => once(worker, 'refused')))
  await servers.b.kill()
  await lostSeen
  const lost = ALL.find((user) => placement.serverFor(`u${user}`) === 'b') ?? 0
  await expect(placement.putFor(`u${lost}`, { user: lost })).rejects.toMatchObject({ code: 'NO_SERVER', sent: false })
  const placed = await Promise.all(ALL.slice(0, 30).map((user) => placement.put({ user })))
  expect(new Set(placed.map(({ server }) => server))).toEqual(new Set(['a', 'c']))
  await expect.poll(() => got.length, { timeout: 10_000 }).toBe(90)
})

test('the first program of the page about several servers runs as printed', async () => {
  const root = join(import.meta.dirname, '..', '..')
  const servers = await startServers()
  for (const name of NAMES) await (await servers[name].queue()).createTube('push', { type: 'fifottl' })
  const page = readFileSync(join(root, 'docs/more-than-one-server.md'), 'utf8')
  let code = /^```ts\n(.*?)^```$/ms.exec(page)?.[1] ?? ''
  for (const [i, name] of NAMES.entries()) {
    const printed = `tarantool://app:secret@db${i + 1}:3301`
    expect(code).toContain(printed)
    code = code.replace(printed, servers[name].uriOf('admin'))
  }
  const js = ts.transpile(code, { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 })
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', js], {
    cwd: root,
    timeout: 30_000,
  })
  expect(stderr).toBe('')
  expect(stdout).toMatch(/^user 2 is on [abc], and so is everything of user 2: true\nthe three are on 3 servers\n$/)
})

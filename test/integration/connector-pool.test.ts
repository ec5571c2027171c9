import {
  type Client,
  connect,
  connectPool,
  type Pool,
  type PoolOptions,
  type ServerError,
  Uuid,
} from '@tarantella/connector'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type FaultProxy, startFaultProxy } from '../helpers/fault-proxy.ts'
import { freePort, startTarantool, type TarantoolServer } from '../helpers/start-tarantool.ts'

const QUICK: PoolOptions = { reconnect: { minDelayMs: 5, maxDelayMs: 50 }, rolePollMs: 20 }

const SCHEMA = `
  if not box.info.ro then
    local users = box.schema.space.create('users', { if_not_exists = true })
    users:create_index('pk', { if_not_exists = true })
    box.schema.user.create('low', { password = 'x', if_not_exists = true })
    box.schema.user.grant('low', 'read,write', 'space', 'users', { if_not_exists = true })
  end
  function whoami() return box.info.uuid end
  function write(id) box.space.users:replace{id} return id end
`

interface ReplicaSet {
  readonly master: TarantoolServer
  readonly replica: TarantoolServer
  /** For changes of roles, one client each. */
  readonly admin: readonly [master: Client, replica: Client]
}

async function opened(uri: string): Promise<Client> {
  const client = await connect(uri, { reconnect: { minDelayMs: 5, maxDelayMs: 50 } })
  onTestFinished(() => client.destroy())
  return client
}

async function startReplicaSet(): Promise<ReplicaSet> {
  const ports = [await freePort(), await freePort()]
  const replication = `{${ports.map((port) => `'app:secret@127.0.0.1:${port}'`).join(',')}}`
  const master = await startTarantool({ port: ports[0] ?? 0, script: SCHEMA })
  const { port } = master
  const cfg = `read_only = true, replication = {'app:secret@127.0.0.1:${port}'}, replication_connect_timeout = 10`
  const replica = await startTarantool({ port: ports[1] ?? 0, script: SCHEMA, cfg })
  const admin = [await opened(master.uri), await opened(replica.uri)] as const
  await admin[0].eval(`box.cfg{ replication_connect_quorum = 0, replication = ${replication} }`)
  return { master, replica, admin }
}

async function openPool(uris: readonly string[], options: PoolOptions = {}): Promise<Pool> {
  const pool = await connectPool(uris, { ...QUICK, ...options })
  onTestFinished(() => pool.destroy())
  return pool
}

/** Resolves when the instance has this role. */
async function untilRole(pool: Pool, name: string, role: string | undefined): Promise<void> {
  while (pool.instances.get(name)?.role !== role) {
    await new Promise<void>((resolve) => {
      pool.once('role', () => resolve())
      pool.once('instance-down', () => resolve())
    })
  }
}

function nameOf({ port }: { readonly port: number }): string {
  return `127.0.0.1:${port}`
}

function setReadOnly(client: Client, value: boolean): Promise<unknown> {
  return client.eval('box.cfg{ read_only = ... }', [value])
}

describe('a pool of a master and a replica', () => {
  test('sends each request where its mode says', async () => {
    const { master, replica } = await startReplicaSet()
    const pool = await openPool([master.uri, replica.uri])
    await Promise.all([untilRole(pool, nameOf(master), 'rw'), untilRole(pool, nameOf(replica), 'ro')])
    const uuid = (server: TarantoolServer): string | undefined => pool.instances.get(nameOf(server))?.uuid
    expect(await pool.rw.call('whoami')).toEqual([uuid(master)])
    expect(await pool.call('whoami')).toEqual([uuid(master)])
    expect(await pool.preferRw.call('whoami')).toEqual([uuid(master)])
    expect(await pool.ro.call('whoami')).toEqual([uuid(replica)])
    expect(await pool.preferRo.call('whoami')).toEqual([uuid(replica)])
    const anybody = await Promise.all(Array.from({ length: 10 }, () => pool.any.call<[string]>('whoami')))
    expect(new Set(anybody.flat())).toEqual(new Set([uuid(master), uuid(replica)]))
    await pool.insert('users', [1, 'Zoë'])
    expect(await pool.rw.select('users', 1)).toEqual([[1, 'Zoë']])
    expect(await (await pool.client('ro')).call('whoami')).toEqual([uuid(replica)])
    await expect(pool.ro.insert('users', [2])).rejects.toMatchObject({ code: 'ER_READONLY' })
  })

  test('learns the roles of servers whose user has no rights but to its data', async () => {
    const { master, replica } = await startReplicaSet()
    const low = (server: TarantoolServer): string => `tarantool://low:x@127.0.0.1:${server.port}`
    const pool = await openPool([low(master), low(replica)])
    await Promise.all([untilRole(pool, nameOf(master), 'rw'), untilRole(pool, nameOf(replica), 'ro')])
    expect(await pool.replace('users', [1])).toEqual([1])
  })

  test('follows a switch of the roles, and no write fails', async () => {
    const { master, replica, admin } = await startReplicaSet()
    // A server that tells of changes by itself is not asked.
    const isTold = admin[0].server?.features.has('watchers') === true
    const pool = await openPool([master.uri, replica.uri], { rolePollMs: isTold ? 3_600_000 : 20 })
    await pool.replace('users', [0])
    await setReadOnly(admin[0], true)
    const writes = Array.from({ length: 20 }, (_, i) => pool.replace('users', [i + 1]))
    await setReadOnly(admin[1], false)
    expect(await Promise.all(writes)).toHaveLength(20)
    await untilRole(pool, nameOf(master), 'ro')
    expect(pool.instances.get(nameOf(replica))).toMatchObject({ role: 'rw' })
    expect(await admin[1].eval('return box.space.users:len()')).toEqual([21])
  })

  test('has a refused call repeated only where the caller says that it may run twice', async () => {
    const { master, replica, admin } = await startReplicaSet()
    const pool = await openPool([master.uri, replica.uri])
    await untilRole(pool, nameOf(master), 'rw')
    // Over one connection and in one turn, so that no news of the switch comes before the calls.
    const switched = pool.node(nameOf(master))?.eval('box.cfg{ read_only = true }')
    const refused = pool.rw.call('write', [1])
    const repeated = pool.rw.call('write', [2], { idempotent: true })
    await Promise.all([switched, expect(refused).rejects.toMatchObject({ code: 'ER_READONLY', sent: true })])
    await setReadOnly(admin[1], false)
    expect(await repeated).toEqual([2])
    expect(await admin[1].select('users')).toEqual([[2]])
  })

  test('goes on when the master is killed and the replica promoted', async () => {
    const { master, replica, admin } = await startReplicaSet()
    const pool = await openPool([master.uri, replica.uri])
    await untilRole(pool, nameOf(replica), 'ro')
    await pool.replace('users', [1])
    const events: string[] = []
    pool.on('instance-down', (name, { code }) => events.push(`down ${name} ${code}`))
    pool.on('instance-up', (name) => events.push(`up ${name}`))
    const lost = expect(pool.rw.call('require("fiber").sleep', [60])).rejects.toThrow()
    await master.kill()
    await lost
    // Reads go on, writes wait.
    expect(await pool.preferRw.call('whoami')).toEqual([pool.instances.get(nameOf(replica))?.uuid])
    const waiting = pool.replace('users', [2])
    expect(pool.queued).toBe(1)
    await setReadOnly(admin[1], false)
    expect(await waiting).toEqual([2])
    expect(events[0]).toBe(`down ${nameOf(master)} CONNECTION_LOST`)
    // The old master comes back, as one more that takes writes; it is used again by itself.
    await master.restart()
    await untilRole(pool, nameOf(master), 'rw')
    expect(events.at(-1)).toBe(`up ${nameOf(master)}`)
  })

  test('lets a write wait no longer than its time limit', async () => {
    const { master, replica, admin } = await startReplicaSet()
    const pool = await openPool([master.uri, replica.uri])
    await setReadOnly(admin[0], true)
    await expect(pool.replace('users', [1], { timeoutMs: 100 })).rejects.toMatchObject({
      code: 'REQUEST_TIMEOUT',
      sent: false,
      message: expect.stringContaining('No instance of the pool served `rw` within 100 ms') as unknown,
    })
    const controller = new AbortController()
    const aborted = pool.replace('users', [1], { signal: controller.signal })
    await untilRole(pool, nameOf(master), 'ro')
    controller.abort('mine')
    await expect(aborted).rejects.toBe('mine')
    expect(pool.queued).toBe(0)
  })
})

describe('a hung instance', () => {
  async function beforeProxy(): Promise<{ good: TarantoolServer; hung: TarantoolServer; proxy: FaultProxy }> {
    const [good, hung] = await Promise.all([
      startTarantool({ script: SCHEMA, cfg: `read_only = false` }),
      startTarantool({ script: SCHEMA }),
    ])
    const proxy = await startFaultProxy({ serverPort: hung.port })
    return { good, hung, proxy }
  }

  test('holds up neither the connect nor the requests to the others', async () => {
    const { good, proxy } = await beforeProxy()
    proxy.setCourses({ toClient: { fault: 'stall' } })
    const begun = performance.now()
    const pool = await openPool([`app:secret@127.0.0.1:${proxy.port}`, good.uri], { connectTimeoutMs: 30_000 })
    expect(await pool.rw.call('whoami')).toEqual([pool.instances.get(nameOf(good))?.uuid])
    expect(performance.now() - begun).toBeLessThan(15_000)
    expect(pool.instances.get(nameOf(proxy))?.isUp).toBe(false)
  })

  test('is found out by its silence, left out, and used again when it answers', async () => {
    const { good, proxy } = await beforeProxy()
    const name = nameOf(proxy)
    const pool = await openPool([`app:secret@127.0.0.1:${proxy.port}`, good.uri], {
      connectTimeoutMs: 500,
      pingIntervalMs: 100,
    })
    await untilRole(pool, name, 'rw')
    const down = new Promise<string>((resolve) => pool.once('instance-down', (which) => resolve(which)))
    proxy.setCourses({ toClient: { fault: 'stall' } })
    ;(await proxy.connection(proxy.accepted - 1)).setCourse('toClient', { fault: 'stall' })
    const calls = Array.from({ length: 10 }, () => pool.rw.call('whoami', [], { idempotent: true }))
    expect(await down).toBe(name)
    expect((await Promise.all(calls)).flat()).toEqual(calls.map(() => pool.instances.get(nameOf(good))?.uuid))
    proxy.setCourses({})
    await untilRole(pool, name, 'rw')
  })
})

test('a pool of which nobody can be used rejects with why, and is gone', async () => {
  const [one, other] = [await freePort(), await freePort()]
  await expect(connectPool([`127.0.0.1:${one}`, `127.0.0.1:${other}`])).rejects.toMatchObject({
    code: 'CONNECT_FAILED',
    message: expect.stringContaining(`127.0.0.1:${other}`) as unknown,
    cause: { errors: [{ code: 'CONNECT_FAILED' }, { code: 'CONNECT_FAILED' }] },
  })
})

test('close waits for what is under way, and refuses what comes later', async () => {
  const { uri } = await startTarantool({ script: SCHEMA })
  const pool = await openPool([uri])
  const slow = pool.rw.eval('require("fiber").sleep(0.1) return 7')
  const closing = pool.close()
  await expect(pool.ping()).rejects.toMatchObject({ code: 'CONNECTION_CLOSED', sent: false })
  expect(await slow).toEqual([7])
  await closing
  expect(pool.close()).toBe(closing)
})

test('a server that refuses a write names the leader, where there are elections', async () => {
  const { master, replica, admin } = await startReplicaSet()
  if (!(await admin[0].eval<[boolean]>('return box.cfg.election_mode ~= nil'))[0]) {
    // Before 2.6.1 there are none: the refusal comes without a name.
    const refusal = await admin[1].insert('users', [1]).catch((error: unknown) => error)
    expect(refusal).toMatchObject({ code: 'ER_READONLY', frames: [{ fields: {} }] })
    return
  }
  await admin[1].eval(`box.cfg{ read_only = false, election_mode = 'voter' }`)
  await admin[0].eval(`box.cfg{ replication_synchro_quorum = 1, election_mode = 'candidate' }`)
  await admin[0].eval('while box.info.election.leader ~= box.info.id do require("fiber").sleep(0.01) end')
  await admin[1].eval('while box.info.election.leader == 0 do require("fiber").sleep(0.01) end')
  const refusal = await admin[1].insert('users', [1]).catch((error: unknown) => error)
  expect(refusal).toMatchObject({ code: 'ER_READONLY', retryable: true })
  expect((refusal as ServerError).frames[0]?.fields['leader_uuid']).toEqual(new Uuid(admin[0].server?.uuid ?? ''))
  const pool = await openPool([master.uri, replica.uri])
  expect(await pool.insert('users', [2])).toEqual([2])
})

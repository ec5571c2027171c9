import { describe, expect, onTestFinished, test } from 'vitest'
import { errorReply, okReply, PING, type ScriptedPeer, startPeer } from '../../../../test/helpers/scripted-peer.ts'
import { freePort } from '../../../../test/helpers/start-tarantool.ts'
import { connectPool, type Pool } from '../../src/pool/pool.ts'
import { type InstanceTarget, type PoolOptions, resolvePool } from '../../src/pool/pool-options.ts'
import { RequestType } from '../../src/protocol/constants.ts'

const READONLY = 7
const VIEW_IS_RO = 113
const LOADING = 116

/** A server whose role is what `answer` says at the time: the number of the error that the probe fails with. */
interface Instance {
  readonly peer: ScriptedPeer
  readonly name: string
  /** Types of the requests that it has answered, the probe left out. */
  readonly served: number[]
  answer: number
}

async function startInstance(answer: number): Promise<Instance> {
  const peer = await startPeer()
  const instance: Instance = { peer, name: `127.0.0.1:${peer.port}`, served: [], answer }
  void serve(instance)
  return instance
}

async function serve(instance: Instance): Promise<void> {
  for (;;) {
    const connection = await instance.peer.connection()
    void (async () => {
      for (;;) {
        const { type, sync } = await connection.request()
        if (type === RequestType.DELETE) connection.write(errorReply(sync, instance.answer, 'no'))
        else {
          instance.served.push(type)
          connection.write(okReply(sync, '9107'))
        }
      }
    })()
  }
}

const QUICK: PoolOptions = { reconnect: { minDelayMs: 1, maxDelayMs: 5 }, rolePollMs: 5 }

async function openPool(instances: readonly Instance[], options: PoolOptions = {}): Promise<Pool> {
  const pool = await connectPool(
    instances.map(({ name }) => name),
    { ...QUICK, ...options },
  )
  onTestFinished(() => pool.destroy())
  return pool
}

function event(pool: Pool, name: 'instance-up' | 'instance-down' | 'role' | 'close'): Promise<unknown[]> {
  return new Promise((resolve) => pool.once(name, (...args) => resolve(args)))
}

async function untilRole(pool: Pool, { name }: Instance, role: string): Promise<void> {
  while (pool.instances.get(name)?.role !== role) await event(pool, 'role')
}

describe('a pool of servers that are asked for their roles', () => {
  test('sends writes to the master, and reads to everybody in turns', async () => {
    const [master, replica] = [await startInstance(VIEW_IS_RO), await startInstance(READONLY)]
    const pool = await openPool([replica, master])
    await Promise.all([untilRole(pool, master, 'rw'), untilRole(pool, replica, 'ro')])
    await pool.call('f')
    expect(master.served).toEqual([RequestType.CALL])
    await Promise.all(Array.from({ length: 6 }, () => pool.ping()))
    expect([master, replica].map(({ served }) => served.filter((type) => type === PING))).toEqual([
      [PING, PING, PING],
      [PING, PING, PING],
    ])
    await pool.ro.call('f')
    expect(replica.served.at(-1)).toBe(RequestType.CALL)
  })

  test('sees them change', async () => {
    const [one, other] = [await startInstance(VIEW_IS_RO), await startInstance(READONLY)]
    const pool = await openPool([one, other])
    await untilRole(pool, one, 'rw')
    one.answer = READONLY
    await untilRole(pool, one, 'ro')
    const waiting = pool.call('f')
    other.answer = VIEW_IS_RO
    expect(await waiting).toEqual([7])
    expect(other.served).toEqual([RequestType.CALL])
  })

  test('does not use one that still loads, and dials it until it serves', async () => {
    const [master, late] = [await startInstance(VIEW_IS_RO), await startInstance(LOADING)]
    const pool = await openPool([master, late])
    expect(await event(pool, 'instance-down')).toMatchObject([late.name, { code: 'ER_LOADING' }])
    await pool.ping()
    expect(late.served).toEqual([])
    late.answer = READONLY
    await untilRole(pool, late, 'ro')
  })

  test('says who goes and comes', async () => {
    const master = await startInstance(VIEW_IS_RO)
    const pool = await openPool([master])
    const down = event(pool, 'instance-down')
    master.peer.close()
    expect(await down).toMatchObject([master.name, { code: 'CONNECTION_LOST' }])
    expect(pool.node(master.name)).toBeUndefined()
    const up = event(pool, 'instance-up')
    await master.peer.listen()
    expect(await up).toEqual([master.name])
    await untilRole(pool, master, 'rw')
    expect(await pool.node(master.name)?.call('f')).toEqual([7])
  })

  test('lets a listener that throws stop nothing', async () => {
    const master = await startInstance(VIEW_IS_RO)
    const pool = await openPool([master])
    const thrown = new Promise((resolve) => {
      const listeners = process.listeners('uncaughtException')
      process.removeAllListeners('uncaughtException')
      process.once('uncaughtException', (error) => {
        for (const listener of listeners) process.on('uncaughtException', listener)
        resolve(error)
      })
    })
    const mistake = new Error('of the listener')
    pool.once('role', () => {
      throw mistake
    })
    master.answer = READONLY
    expect(await thrown).toBe(mistake)
    expect(await pool.ro.call('f')).toEqual([7])
  })
})

describe('the first connect of a pool', () => {
  test('does not wait for those that fail', async () => {
    const master = await startInstance(VIEW_IS_RO)
    const pool = await connectPool([`127.0.0.1:${await freePort()}`, master.name], QUICK)
    onTestFinished(() => pool.destroy())
    expect(await pool.call('f')).toEqual([7])
  })

  test('fails with the first one’s reason when nobody can be used, a refused password for instance', async () => {
    const peer = await startPeer({ handshake: false })
    const failed = connectPool([`app:wrong@127.0.0.1:${peer.port}`], QUICK).catch((error: unknown) => error)
    const connection = await peer.connection()
    const [id, auth] = await connection.requests(2)
    connection.write(okReply(id?.sync ?? 0))
    connection.write(errorReply(auth?.sync ?? 0, 47, 'Incorrect password'))
    expect(await failed).toMatchObject({
      code: 'AUTH_FAILED',
      message: expect.stringContaining('No instance of the pool can be used') as unknown,
      retryable: false,
    })
    expect(peer.connections).toBe(1)
  })
})

describe('the end of a pool', () => {
  test('by destroy rejects what is under way and what waits, with the cause', async () => {
    const master = await startInstance(READONLY)
    const pool = await openPool([master])
    const waiting = pool.call('f')
    const closed = event(pool, 'close')
    const cause = new Error('of the user')
    pool.destroy(cause)
    await expect(waiting).rejects.toMatchObject({ code: 'CONNECTION_CLOSED', sent: false, cause })
    expect(await closed).toMatchObject([{ code: 'CONNECTION_CLOSED', cause }])
    await expect(pool.any.ping()).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' })
  })

  test('comes by itself when every instance has refused to let it in again', async () => {
    const peer = await startPeer({ handshake: false })
    const opening = connectPool([`app:secret@127.0.0.1:${peer.port}`], QUICK)
    const first = await peer.connection()
    for (const { sync } of await first.requests(2)) first.write(okReply(sync))
    first.write(errorReply((await first.request()).sync, VIEW_IS_RO, 'no'))
    const pool = await opening
    onTestFinished(() => pool.destroy())
    const closed = event(pool, 'close')
    const waiting = pool.ping()
    first.socket.resetAndDestroy()
    await waiting.catch(() => undefined)
    const late = pool.call('f').catch((error: unknown) => error)
    const second = await peer.connection()
    const [id, auth] = await second.requests(2)
    second.write(okReply(id?.sync ?? 0))
    second.write(errorReply(auth?.sync ?? 0, 47, 'Incorrect password'))
    expect(await closed).toMatchObject([{ code: 'AUTH_FAILED' }])
    expect(await late).toMatchObject({ code: 'AUTH_FAILED' })
  })
})

describe('the instances of a pool', () => {
  test('may change: new ones are dialed, others answer what they were asked and take no more', async () => {
    const [stays, leaves, comes] = await Promise.all([
      startInstance(READONLY),
      startInstance(VIEW_IS_RO),
      startInstance(VIEW_IS_RO),
    ])
    const pool = await openPool([stays, leaves])
    await untilRole(pool, leaves, 'rw')
    const before = pool.node(stays.name)
    await pool.rw.call('f')
    expect(leaves.served).toHaveLength(1)
    await pool.setInstances([stays.name, comes.name])
    await untilRole(pool, comes, 'rw')
    await pool.rw.call('f')
    expect(leaves.served).toHaveLength(1)
    expect(comes.served).toHaveLength(1)
    expect([...pool.instances.keys()]).toEqual([stays.name, comes.name])
    expect(pool.node(leaves.name)).toBeUndefined()
    expect(pool.node(stays.name)).toBe(before)
  })

  test('stay as they are if the new list is wrong', async () => {
    const only = await startInstance(VIEW_IS_RO)
    const pool = await openPool([only])
    expect(() => pool.setInstances([])).toThrow('Expected at least one instance')
    expect(() => pool.setInstances([only.name, only.name])).toThrow('Expected each instance of the pool once')
    await pool.rw.call('f')
    expect(only.served).toHaveLength(1)
  })

  test('that were all lost may be replaced', async () => {
    const [lost, comes] = await Promise.all([startInstance(VIEW_IS_RO), startInstance(VIEW_IS_RO)])
    const pool = await openPool([lost])
    await untilRole(pool, lost, 'rw')
    const down = event(pool, 'instance-down')
    lost.peer.close()
    await down
    const waiting = pool.rw.call('f')
    await pool.setInstances([comes.name])
    await waiting
    expect(comes.served).toHaveLength(1)
  })
})

describe('the options of a pool', () => {
  test('hold for all instances, and an instance may have its own', () => {
    const targets: (string | InstanceTarget)[] = [
      'db1:1',
      { uri: 'other:own@db2:2', name: 'second', requestTimeoutMs: 5 },
    ]
    const { instances } = resolvePool(targets, { user: 'app', password: 'secret', connectTimeoutMs: 7 })
    expect(instances).toMatchObject([
      {
        name: 'db1:1',
        connection: { user: 'app', connectTimeoutMs: 7, requestTimeoutMs: 30_000, pingIntervalMs: 5000 },
      },
      { name: 'second', connection: { connectTimeoutMs: 7, requestTimeoutMs: 5 } },
    ])
    expect(instances.map(({ connection }) => connection)).toMatchObject(
      instances.map(() => ({ reconnect: undefined, offlineQueueMax: 0 })),
    )
  })

  test.each<[targets: unknown, options: unknown, text: string]>([
    [[], {}, 'Expected at least one instance'],
    ['db:1', {}, 'Expected at least one instance'],
    [['db:1', 'db:1'], {}, 'Expected each instance of the pool once'],
    [['db:1'], { reconnect: false }, 'Expected `reconnect` of a pool to be an object'],
    [['db:1'], { rolePollMs: 0 }, 'Expected `rolePollMs`'],
  ])('%j with %j are refused', (targets, options, text) => {
    // What a user without types may give.
    expect(() => resolvePool(targets as string[], options as PoolOptions)).toThrow(text)
  })
})

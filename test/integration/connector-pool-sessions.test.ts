import { connectPool, type Pool } from '@tarantella/connector'
import { expect, onTestFinished, test } from 'vitest'
import { type FaultProxy, startFaultProxy } from '../helpers/fault-proxy.ts'
import { startTarantool, type TarantoolServer } from '../helpers/start-tarantool.ts'

const SCRIPT = `
  local users = box.schema.space.create('users', { if_not_exists = true })
  users:create_index('pk', { if_not_exists = true })
`

/** Interactive transactions on memtx need it; 2.6, which has none, does not know the option. */
const MVCC = `memtx_use_mvcc_engine = not _TARANTOOL:match('^2%.%d%.') or nil`

async function openPool(): Promise<{ pool: Pool; proxy: FaultProxy }> {
  const server: TarantoolServer = await startTarantool({ script: SCRIPT, cfg: MVCC })
  const proxy = await startFaultProxy({ serverPort: server.port })
  const reconnect = { minDelayMs: 5, maxDelayMs: 50 }
  const pool = await connectPool([`app:secret@127.0.0.1:${proxy.port}`], { reconnect, rolePollMs: 20 })
  onTestFinished(() => pool.destroy())
  return { pool, proxy }
}

test('a transaction of a pool stays on one instance, is committed or rolled back, and has one limit for all', async () => {
  const { pool } = await openPool()
  const { server } = await pool.client('rw')
  if (server?.features.has('streams') !== true) {
    await expect(pool.begin(() => undefined)).rejects.toMatchObject({ code: 'UNSUPPORTED', sent: false })
    return
  }
  const seen = await pool.begin(async (tx) => {
    await tx.insert('users', [1, 'Zoë'])
    return [await tx.select('users'), await pool.rw.select('users')]
  })
  expect(seen).toEqual([[[1, 'Zoë']], []])
  const failure = new Error('mine')
  const failed = pool.begin(async (tx) => {
    await tx.insert('users', [2])
    throw failure
  })
  await expect(failed).rejects.toBe(failure)
  expect(await pool.rw.select('users')).toEqual([[1, 'Zoë']])
  await expect(pool.begin((tx) => tx.eval('require("fiber").sleep(10)'), { timeoutMs: 50 })).rejects.toMatchObject({
    code: 'REQUEST_TIMEOUT',
  })
})

test('what belongs to one instance of a pool waits for an instance of its mode, within its limit', async () => {
  const { pool } = await openPool()
  const unserved = { code: 'REQUEST_TIMEOUT', sent: false, message: expect.stringContaining('`ro`') as unknown }
  const options = { mode: 'ro', timeoutMs: 30 } as const
  await expect(pool.begin(() => expect.unreachable(), options)).rejects.toMatchObject(unserved)
  await expect(pool.prepare('SELECT 1', options)).rejects.toMatchObject(unserved)
})

test('a prepared statement of a pool ends with the session of its instance, and can be prepared anew', async () => {
  const { pool, proxy } = await openPool()
  const text = 'SELECT CAST(? AS INTEGER) + 1 AS sum'
  const statement = await pool.prepare<{ readonly SUM?: number; readonly sum?: number }>(text)
  const sumOf = async (prepared: typeof statement): Promise<number | undefined> => {
    const [row] = (await prepared.execute([1])).rows
    return row?.SUM ?? row?.sum
  }
  expect(await sumOf(statement)).toBe(2)
  const down = new Promise((resolve) => pool.once('instance-down', resolve))
  const up = new Promise((resolve) => pool.once('instance-up', resolve))
  proxy.resetAll()
  await down
  await expect(sumOf(statement)).rejects.toMatchObject({ code: 'CONNECTION_CLOSED', sent: false })
  await up
  const again = await pool.prepare<{ readonly SUM?: number; readonly sum?: number }>(text)
  expect(await sumOf(again)).toBe(2)
  await again.unprepare()
})

import { type Client, type Commands, connect } from '@tarantella/connector'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startTarantool, type TarantoolServer } from '../helpers/start-tarantool.ts'

const SCRIPT = `
  local accounts = box.schema.space.create('accounts', { if_not_exists = true })
  accounts:format({{ 'id', 'unsigned' }, { 'balance', 'integer' }})
  accounts:create_index('pk', { if_not_exists = true })
  accounts:replace({ 1, 100 })
  accounts:replace({ 2, 0 })
  function sleep(seconds) require('fiber').sleep(seconds) return seconds end
  function echo(...) return ... end
`

/** Interactive transactions on memtx need it; 2.6, which has none, does not know the option. */
const MVCC = `memtx_use_mvcc_engine = not _TARANTOOL:match('^2%.%d%.') or nil`

function start(cfg = MVCC): Promise<TarantoolServer> {
  return startTarantool({ script: SCRIPT, cfg })
}

async function open(uri: string, options: Parameters<typeof connect>[1] = {}): Promise<Client> {
  const client = await connect(uri, { reconnect: { minDelayMs: 5, maxDelayMs: 50 }, ...options })
  onTestFinished(() => client.destroy())
  return client
}

/** True if the server has streams; else that it says so has been asserted. */
async function hasStreams(client: Client): Promise<boolean> {
  if (client.server?.features.has('streams') === true) return true
  const refusal = { code: 'UNSUPPORTED', sent: false, message: expect.stringContaining('since 2.10') as unknown }
  const sent = client.stats.socketWrites
  await expect(client.begin(() => undefined)).rejects.toMatchObject(refusal)
  await expect(client.stream().ping()).rejects.toMatchObject(refusal)
  expect(client.stats.socketWrites).toBe(sent)
  return false
}

async function transfer(tx: Commands, amount: number): Promise<void> {
  await tx.update('accounts', 1, [['-', 'balance', amount]])
  await tx.update('accounts', 2, [['+', 'balance', amount]])
}

const ACCOUNTS_BEFORE = [
  [1, 100],
  [2, 0],
]

describe('a transaction', () => {
  test('is committed when its function returns, and is seen by nobody before', async () => {
    const client = await open((await start()).uri)
    if (!(await hasStreams(client))) return
    const result = await client.begin(async (tx) => {
      await transfer(tx, 10)
      expect(await client.select('accounts')).toEqual(ACCOUNTS_BEFORE)
      expect(await tx.get('accounts', 2)).toEqual([2, 10])
      return 'done'
    })
    expect(result).toBe('done')
    expect(await client.select('accounts')).toEqual([
      [1, 90],
      [2, 10],
    ])
  })

  test('is rolled back when its function throws', async () => {
    const client = await open((await start()).uri)
    if (!(await hasStreams(client))) return
    const reason = new Error('of the user')
    const failing = client.begin(async (tx) => {
      await transfer(tx, 10)
      throw reason
    })
    await expect(failing).rejects.toBe(reason)
    expect(await client.select('accounts')).toEqual(ACCOUNTS_BEFORE)
  })

  test('goes on after a statement that has failed, if the function does', async () => {
    const client = await open((await start()).uri)
    if (!(await hasStreams(client))) return
    await client.begin(async (tx) => {
      await tx.replace('accounts', [3, 1])
      await expect(tx.insert('accounts', [1, 1])).rejects.toMatchObject({ code: 'ER_TUPLE_FOUND' })
      await tx.replace('accounts', [4, 1])
    })
    expect(await client.eval('return box.space.accounts:count()')).toEqual([4])
  })

  test('that loses against another one is rolled back, and may be tried again', async () => {
    const client = await open((await start()).uri)
    if (!(await hasStreams(client))) return
    const addOne = async (tx: Commands): Promise<number> => {
      const [, balance] = (await tx.get<[number, number]>('accounts', 1)) ?? [1, 0]
      return balance + 1
    }
    const failing = client.begin(async (tx) => {
      const balance = await addOne(tx)
      await client.replace('accounts', [1, 500])
      await tx.replace('accounts', [1, balance])
    })
    await expect(failing).rejects.toMatchObject({ code: 'ER_TRANSACTION_CONFLICT', retryable: true })
    await client.begin(async (tx) => tx.replace('accounts', [1, await addOne(tx)]))
    expect(await client.get('accounts', 1)).toEqual([1, 501])
  })

  test('reads what its isolation level allows', async () => {
    const client = await open((await start()).uri)
    if (!(await hasStreams(client))) return
    for (const isolation of ['default', 'read-committed', 'read-confirmed', 'best-effort'] as const) {
      expect(await client.begin((tx) => tx.get('accounts', 1), { isolation })).toEqual([1, 100])
    }
  })

  test('is ended by the server after its timeout', async () => {
    const client = await open((await start()).uri)
    if (!(await hasStreams(client))) return
    const failing = client.begin(
      async (tx) => {
        await transfer(tx, 10)
        await client.call('sleep', [0.3])
        await tx.ping()
      },
      { timeout: 0.05 },
    )
    await expect(failing).rejects.toMatchObject({ code: 'ER_TRANSACTION_TIMEOUT' })
    expect(await client.select('accounts')).toEqual(ACCOUNTS_BEFORE)
  })

  test('takes isSync where the server has it, and says that it has not', async () => {
    const client = await open((await start(`${MVCC}, replication_synchro_quorum = 1`)).uri)
    if (!(await hasStreams(client))) return
    const committing = client.begin((tx) => tx.replace('accounts', [9, 9]), { isSync: true })
    if (client.server?.features.has('is-sync') === true) {
      // A synchronous transaction needs an owner of the queue.
      await committing.catch(() => undefined)
      await client.eval('box.ctl.promote()')
      expect(await client.begin((tx) => tx.replace('accounts', [9, 9]), { isSync: true })).toEqual([9, 9])
    } else {
      await expect(committing).rejects.toMatchObject({
        code: 'UNSUPPORTED',
        message: expect.stringContaining('since 3.2') as unknown,
      })
    }
  })

  test('without MVCC fails with a hint at it', async () => {
    const client = await open((await start('')).uri)
    if (!(await hasStreams(client))) return
    const failing = client.begin((tx) => transfer(tx, 10))
    await expect(failing).rejects.toMatchObject({
      code: 'ER_TRANSACTION_YIELD',
      message: expect.stringContaining('memtx_use_mvcc_engine') as unknown,
    })
    expect(await client.select('accounts')).toEqual(ACCOUNTS_BEFORE)
  })

  test('is rolled back by the server when the connection is lost, and its commands with it', async () => {
    const server = await start()
    const client = await open(server.uri)
    if (!(await hasStreams(client))) return
    const admin = await open(server.uri)
    const failing = client.begin(async (tx) => {
      await tx.replace('accounts', [7, 7])
      await server.restart()
      await client.ping()
      await tx.ping()
    })
    await expect(failing).rejects.toMatchObject({ code: 'CONNECTION_LOST', sent: false })
    expect(await admin.get('accounts', 7)).toBeUndefined()
  })
})

describe('a stream', () => {
  test('keeps the order of its requests, also when a name has to be looked up first', async () => {
    const client = await open((await start()).uri)
    if (!(await hasStreams(client))) return
    const stream = client.stream()
    const order: string[] = []
    const note = (name: string) => () => order.push(name)
    await Promise.all([
      stream.call('sleep', [0.05]).then(note('slow')),
      stream.replace('accounts', [5, 5]).then(note('by name')),
      stream.eval('return box.space.accounts:get(5)').then((rows) => {
        expect(rows).toEqual([[5, 5]])
        note('last')()
      }),
      client.call('echo').then(note('without a stream')),
    ])
    expect(order).toEqual(['without a stream', 'slow', 'by name', 'last'])
  })

  test('makes a transaction by hand', async () => {
    const client = await open((await start()).uri)
    if (!(await hasStreams(client))) return
    const stream = client.stream()
    await stream.begin()
    await expect(stream.begin()).rejects.toMatchObject({ code: 'ER_ACTIVE_TRANSACTION' })
    await transfer(stream, 10)
    await stream.rollback()
    expect(await client.select('accounts')).toEqual(ACCOUNTS_BEFORE)
    await stream.begin({ isolation: 'read-committed' })
    await transfer(stream, 1)
    await stream.commit()
    expect(await client.get('accounts', 2)).toEqual([2, 1])
    await expect(stream.begin({ isolation: 'nonsense' as 'default' })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    })
    await expect(stream.begin({ timeout: -1 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })
})

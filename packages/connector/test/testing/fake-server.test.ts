import { describe, expect, onTestFinished, test } from 'vitest'
import type { Client } from '../../src/client/client.ts'
import { type ServerError, TarantellaError } from '../../src/errors.ts'
import type { ConnectOptions } from '../../src/options.ts'
import { FakeServer, serverError } from '../../src/testing.ts'

async function connected(server: FakeServer, options?: ConnectOptions): Promise<Client> {
  const client = await server.connect(options)
  onTestFinished(() => client.close())
  return client
}

function refusal(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => Promise.reject(new Error(`expected a rejection, got ${String(value)}`)),
    (error: unknown) => error,
  )
}

describe('the fake server answers as scripted', () => {
  test('calls, with the arguments as they came over the wire', async () => {
    const server = new FakeServer()
    server.onCall('add', (a: number, b: number) => [a + b])
    server.onCall('late', async () => [await Promise.resolve('done'), undefined])
    const client = await connected(server)
    expect(await client.call('add', [1, 2])).toEqual([3])
    expect(await client.call('late')).toEqual(['done', null])
    server.onCall('echo', (...args: unknown[]) => args)
    expect(await client.call('echo', [{ list: [undefined, 2n ** 63n] }])).toEqual([{ list: [null, 2n ** 63n] }])
  })

  test('requests to spaces, by operation', async () => {
    const rows = new Map<unknown, readonly unknown[]>([[1, [1, 'Zoë']]])
    const server = new FakeServer().onSpace('users', {
      select: ({ key }) => [...rows.values()].filter((row) => key.length === 0 || row[0] === key[0]),
      insert({ tuple }) {
        if (rows.has(tuple[0])) throw serverError('ER_TUPLE_FOUND', 'Duplicate key exists')
        rows.set(tuple[0], tuple)
        return tuple
      },
      update: ({ key, operations }) => (rows.has(key[0]) ? [...(rows.get(key[0]) ?? []), operations] : undefined),
      upsert: ({ tuple }) => void rows.set(tuple[0], tuple),
      delete: ({ key }) => rows.get(key[0]),
    })
    const client = await connected(server)
    expect(await client.select('users')).toEqual([[1, 'Zoë']])
    expect(await client.get('users', 1)).toEqual([1, 'Zoë'])
    expect(await client.get('users', 9)).toBeUndefined()
    expect(await client.insert('users', [2, 'Ann'])).toEqual([2, 'Ann'])
    expect(await client.replace('users', [7, 'as sent'])).toEqual([7, 'as sent'])
    expect(await client.update('users', 2, [['=', 1, 'Eve']])).toEqual([2, 'Ann', [['=', 1, 'Eve']]])
    expect(await client.update('users', 9, [['=', 1, 'Eve']])).toBeUndefined()
    expect(await client.upsert('users', [3, 'Bob'], [['=', 1, 'Bob']])).toBeUndefined()
    expect(await client.delete('users', 3)).toEqual([3, 'Bob'])
    expect(await refusal(client.insert('users', [2, 'Ann']))).toMatchObject({ code: 'ER_TUPLE_FOUND', number: 3 })
  })

  test('any other type of request, by its name', async () => {
    const server = new FakeServer().onRequest('eval', ({ text, args }) => [text, args])
    const client = await connected(server)
    expect(await client.eval('return ...', [1])).toEqual(['return ...', [1]])
    await client.ping()
  })

  test('SQL, with rows or with what was changed', async () => {
    const server = new FakeServer().onSql((text, binds) =>
      text.startsWith('SELECT')
        ? { columns: ['ID', 'NAME'], rows: [[binds[0], 'Zoë']] }
        : { rowCount: 2, autoincrementIds: [7, 8] },
    )
    const client = await connected(server)
    const { rows } = await client.sql`SELECT * FROM users WHERE id = ${1}`
    expect(rows).toEqual([{ ID: 1, NAME: 'Zoë' }])
    const changed = await client.execute('INSERT INTO users (name) VALUES (?), (?)', ['a', 'b'])
    expect(changed).toMatchObject({ rowCount: 2, autoincrementIds: [7, 8] })
  })

  test('and keeps what it was asked', async () => {
    const server = new FakeServer().onSpace('users', { select: () => [] })
    const client = await connected(server)
    await client.select('users', 'x', { index: 'name', iterator: 'ge', limit: 5, offset: 2 })
    expect(server.requests).toHaveLength(1)
    expect(server.requests[0]).toMatchObject({
      operation: 'select',
      space: 'users',
      index: 'name',
      key: ['x'],
      iterator: 'ge',
      limit: 5,
      offset: 2,
      stream: 0,
    })
  })
})

describe('the fake server refuses', () => {
  test.each([
    ['a call', 'ER_NO_SUCH_PROC', "onCall('f', …)", (client: Client) => client.call('f')],
    ['a space', 'ER_NO_SUCH_SPACE', "onSpace('s', { select: … })", (client: Client) => client.select('s')],
    [
      'an operation',
      'ER_UNSUPPORTED',
      "onSpace('known', { delete: … })",
      (client: Client) => client.delete('known', 1),
    ],
    ['an eval', 'ER_UNSUPPORTED', "onRequest('eval', …)", (client: Client) => client.eval('return 1')],
  ] as const)('%s without a script, and says how to script it', async (_what, code, how, request) => {
    const client = await connected(new FakeServer().onSpace('known', { select: () => [] }))
    const error = await refusal(request(client))
    expect(error).toMatchObject({ code, message: expect.stringContaining(how) })
  })

  test('as the handler says: with an error of the server, or with any error as one of Lua', async () => {
    const server = new FakeServer()
    server.onCall('fail', () => {
      throw serverError('ER_READONLY', 'read-only', { reason: 'config' })
    })
    server.onCall('bug', () => Promise.reject(new TypeError('as asked')))
    server.onCall('unencodable', () => [() => 1])
    const client = await connected(server)
    const error = await refusal(client.call('fail'))
    expect(error).toBeInstanceOf(TarantellaError)
    expect(error).toMatchObject({ code: 'ER_READONLY', number: 7 })
    expect((error as ServerError).frames[0]?.fields).toEqual({ reason: 'config' })
    expect(await refusal(client.call('bug'))).toMatchObject({ code: 'ER_PROC_LUA', message: 'TypeError: as asked' })
    expect(await refusal(client.call('unencodable'))).toMatchObject({ code: 'ER_PROC_LUA' })
    expect(() => serverError('ER_NO_SUCH_NAME', '')).toThrow(TypeError)
  })
})

describe('a client of the fake server is a real one', () => {
  test('which checks and encodes what it sends', async () => {
    const client = await connected(new FakeServer().onCall('f', () => []))
    expect(await refusal(client.call('f', [() => 1]))).toMatchObject({ code: 'ENCODE_FAILED', sent: false })
  })

  test('whose time limits and signals count', async () => {
    const server = new FakeServer().onCall('never', () => new Promise<unknown[]>(() => undefined))
    const client = await connected(server)
    const late = client.call('never', [], { timeoutMs: 5 })
    expect(await refusal(late)).toMatchObject({ code: 'REQUEST_TIMEOUT', sent: true })
    const aborted = client.call('never', [], { signal: AbortSignal.timeout(5) })
    expect(await refusal(aborted)).toMatchObject({ name: 'TimeoutError' })
    client.destroy()
  })

  test('which loses the connection and comes back by itself', async () => {
    const server = new FakeServer().onCall('never', () => new Promise<unknown[]>(() => undefined))
    const client = await connected(server)
    const inFlight = refusal(client.call('never'))
    await client.ping()
    const events = Promise.all([
      new Promise((resolve) => client.once('disconnect', resolve)),
      new Promise<void>((resolve) => client.once('connect', resolve)),
    ])
    server.disconnect()
    expect(await inFlight).toMatchObject({ code: 'CONNECTION_LOST', sent: true })
    await client.ping()
    await events
    expect(client.stats.reconnects).toBe(1)
    expect(server.sessions).toBe(1)
  })

  test('which waits for a server that is stopped', async () => {
    const server = new FakeServer()
    const client = await connected(server)
    server.stop()
    expect(await refusal(server.connect())).toMatchObject({ code: 'CONNECT_FAILED' })
    const waiting = client.ping()
    server.start()
    await waiting
    await client.close()
    expect(client.status).toBe('closed')
    expect(server.sessions).toBe(0)
  })

  test('whose streams and transactions are told apart', async () => {
    const server = new FakeServer().onSpace('users', { insert: ({ tuple }) => tuple })
    const client = await connected(server)
    await client.begin((tx) => tx.insert('users', [1, 'Zoë']))
    await expect(client.begin((tx) => tx.delete('users', 1))).rejects.toMatchObject({ code: 'ER_UNSUPPORTED' })
    expect(server.requests.map(({ operation, stream }) => [operation, stream])).toEqual([
      ['begin', 1],
      ['insert', 1],
      ['commit', 1],
      ['begin', 2],
      ['delete', 2],
      ['rollback', 2],
    ])
  })

  test('which watches keys, also after a reconnect', async () => {
    const server = new FakeServer()
    const client = await connected(server)
    server.broadcast('config', 1)
    const values = client.events<number>('config')
    expect(await values.next()).toEqual({ done: false, value: 1 })
    server.broadcast('config', 2)
    expect(await values.next()).toEqual({ done: false, value: 2 })
    server.disconnect()
    server.broadcast('config', 3)
    expect(await values.next()).toEqual({ done: false, value: 3 })
    await values.return()
    expect(await client.watchOnce('config')).toBe(3)
    expect(await client.watchOnce('nothing')).toBeUndefined()
  })

  test('which knows what the server cannot do', async () => {
    const all = await connected(new FakeServer())
    expect([...(all.server?.features ?? [])]).toEqual(expect.arrayContaining(['streams', 'watchers', 'insert-arrow']))
    const fewer = await connected(new FakeServer({ without: ['watchers'] }))
    expect(fewer.server?.features.has('watchers')).toBe(false)
    expect(fewer.server?.features.has('streams')).toBe(true)
  })
})

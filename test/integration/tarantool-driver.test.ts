import { once } from 'node:events'
import { type Client, connect, ServerError } from '@tarantella/connector'
import { DriverCaller, type DriverConnection } from '@tarantella/connector/tarantool-driver'
import TarantoolConnection from 'tarantool-driver'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { startTarantool, type TarantoolServer } from '../helpers/start-tarantool.ts'

const SCRIPT = `
  local users = box.schema.space.create('users', { if_not_exists = true })
  users:format({ { 'id', 'unsigned' }, { 'name', 'string' }, { 'age', 'unsigned', is_nullable = true } })
  users:create_index('pk', { parts = { 'id' }, if_not_exists = true })
  users:create_index('name', { parts = { 'name' }, unique = false, if_not_exists = true })
  function echo(...) return ... end
  function nothing() end
  function shapes() return 1, {2}, {{3}}, box.NULL, 'x', { a = 4 } end
  function kind(value) return type(value), tostring(value) end
  function fail() box.error({ code = 5, reason = 'as asked' }) end
  function wait(s) require('fiber').sleep(s) return 'waited' end
`

let server: TarantoolServer
let client: Client

beforeAll(async () => {
  server = await startTarantool({ script: SCRIPT })
  client = await connect(server.uri)
  return async () => {
    client.destroy()
    await server[Symbol.asyncDispose]()
  }
})

type Index = number | string
type Key = number | readonly unknown[]

interface Driver extends DriverConnection {
  call(name: string, ...args: unknown[]): Promise<unknown>
  eval(lua: string, ...args: unknown[]): Promise<unknown>
  select(space: Index, index: Index, limit: number, offset: number, iterator: string, key: Key): Promise<unknown>
  insert(space: Index, tuple: readonly unknown[]): Promise<unknown>
  replace(space: Index, tuple: readonly unknown[]): Promise<unknown>
  update(space: Index, index: Index, key: Key, operations: readonly unknown[]): Promise<unknown>
  upsert(space: Index, operations: readonly unknown[], tuple: readonly unknown[]): Promise<unknown>
  delete(space: Index, index: Index, key: Key): Promise<unknown>
  ping(): Promise<unknown>
  disconnect(): void
}

// The package has no types of its own.
const Connection = TarantoolConnection as unknown as new (options: object) => Driver

async function overDriver(port = server.port): Promise<{ driver: Driver; caller: DriverCaller }> {
  const options = { host: '127.0.0.1', port, username: 'app', password: 'secret', retryStrategy: () => 20 }
  const driver = new Connection(options)
  // The driver prints errors that nobody listens to.
  driver.on('error', () => undefined)
  const caller = new DriverCaller(driver)
  onTestFinished(() => {
    caller.release()
    driver.disconnect()
  })
  await once(caller, 'connect')
  return { driver, caller }
}

function refusal(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => Promise.reject(new Error(`expected a rejection, got ${String(value)}`)),
    (error: unknown) => error,
  )
}

describe('a call over tarantool-driver', () => {
  test.each([
    ['nothing', []],
    ['shapes', []],
    ['echo', [1, [2, [3]], { a: { b: null } }, 'ё'.repeat(300), true, -1.5]],
    ['echo', [[]]],
    ['echo', [[[1], [2]]]],
  ] as const)('of %s(%j) gives what CALL gives', async (name, args) => {
    const { caller } = await overDriver()
    expect(await caller.call(name, args)).toEqual(await client.call(name, args))
  })

  test('differs from the call of the driver itself, which cannot tell a value from a tuple', async () => {
    const { driver, caller } = await overDriver()
    expect(await driver.call('echo', 1)).toEqual(await driver.call('echo', [1]))
    expect(await caller.call('echo', [1])).toEqual([1])
    expect(await caller.call('echo', [[1]])).toEqual([[1]])
  })

  test('sends integers beyond 2^31 as integers, which the driver itself sends as floats', async () => {
    const { driver, caller } = await overDriver()
    // Lua prints an integer beyond 2^53 as one only if it came as one.
    expect(await caller.call('kind', [2n ** 63n])).toEqual(['cdata', '9223372036854775808ULL'])
    expect(await caller.call('kind', [5_000_000_000_000_000])).toEqual(['cdata', '5000000000000000ULL'])
    expect(await driver.call('kind', 5_000_000_000_000_000)).toEqual([['number'], ['5e+15']])
  })

  test('rejects with the text of the server, which is all that the driver passes on', async () => {
    const { caller } = await overDriver()
    const error = await refusal(caller.call('fail'))
    expect(error).toBeInstanceOf(ServerError)
    expect(error).toMatchObject({ code: 'ER_UNKNOWN', sent: true, message: expect.stringContaining('as asked') })
  })

  test('refuses what cannot be encoded, and goes on', async () => {
    const { caller } = await overDriver()
    expect(await refusal(caller.call('echo', [() => 1]))).toMatchObject({ code: 'ENCODE_FAILED', sent: false })
    expect(await caller.call('echo', ['after'])).toEqual(['after'])
  })

  test('has a time limit and heeds a signal, and swallows the late reply', async () => {
    const { caller } = await overDriver()
    const late = caller.call('wait', [0.2], { timeoutMs: 20 })
    expect(await refusal(late)).toMatchObject({ code: 'REQUEST_TIMEOUT', sent: true })
    const aborted = caller.call('wait', [0.2], { signal: AbortSignal.timeout(20) })
    expect(await refusal(aborted)).toMatchObject({ name: 'TimeoutError' })
    expect(await caller.call('wait', [0.3])).toEqual(['waited'])
  })
})

describe('when the connection is lost', () => {
  test('calls under way reject, those made meanwhile are sent at the reconnect', async () => {
    const own = await startTarantool({ script: SCRIPT })
    const { caller } = await overDriver(own.port)
    const inFlight = refusal(caller.call('wait', [60]))
    await caller.call('echo', [1])
    const lost = once(caller, 'disconnect')
    await own.kill()
    expect(await lost).toEqual([expect.objectContaining({ code: 'CONNECTION_LOST' })])
    expect(await inFlight).toMatchObject({ code: 'CONNECTION_LOST', sent: true })
    const waiting = caller.call('echo', ['kept'])
    const back = once(caller, 'connect')
    await own.restart()
    await back
    expect(await waiting).toEqual(['kept'])
  })

  test('for good, everything rejects and close is told', async () => {
    const { driver, caller } = await overDriver()
    const inFlight = refusal(caller.call('wait', [60]))
    await caller.call('echo', [1])
    const closed = once(caller, 'close')
    driver.disconnect()
    await closed
    expect(await inFlight).toMatchObject({ sent: true, code: expect.stringMatching(/CONNECTION_(LOST|CLOSED)/) })
    expect(await refusal(caller.call('echo'))).toMatchObject({ code: 'CONNECTION_CLOSED', sent: false })
  })
})

describe('the page on moving over maps each call to one with the same effect', () => {
  test('of requests to a space', async () => {
    const { driver } = await overDriver()
    expect(await driver.insert('users', [1, 'Zoë', 33])).toEqual([[1, 'Zoë', 33]])
    expect(await client.insert('users', [2, 'Zoë', 33])).toEqual([2, 'Zoë', 33])
    expect(await driver.replace('users', [1, 'Ann', 34])).toEqual([[1, 'Ann', 34]])
    expect(await client.replace('users', [2, 'Ann', 34])).toEqual([2, 'Ann', 34])
    expect(await driver.update('users', 'pk', 1, [['+', 2, 1]])).toEqual([[1, 'Ann', 35]])
    expect(await client.update('users', 2, [['+', 2, 1]], { index: 'pk' })).toEqual([2, 'Ann', 35])
    await driver.upsert('users', [['+', 2, 1]], [1, 'Ann', 0])
    await client.upsert('users', [2, 'Ann', 0], [['+', 2, 1]])
    const theirs = await driver.select('users', 'name', 10, 0, 'eq', ['Ann'])
    expect(theirs).toEqual(await client.select('users', ['Ann'], { index: 'name', limit: 10 }))
    expect(theirs).toEqual([
      [1, 'Ann', 36],
      [2, 'Ann', 36],
    ])
    // With `all` the driver drops the key.
    expect(await driver.select('users', 'pk', 1, 1, 'all', [99])).toEqual(
      await client.select('users', [], { iterator: 'all', limit: 1, offset: 1 }),
    )
    expect(await driver.delete('users', 'pk', 1)).toEqual([[1, 'Ann', 36]])
    expect(await client.delete('users', 2, { index: 'pk' })).toEqual([2, 'Ann', 36])
    expect(await driver.delete('users', 'pk', [1])).toEqual([])
    expect(await client.delete('users', [2])).toBeUndefined()
  })

  test('of code, and of pings', async () => {
    const { driver } = await overDriver()
    expect(await driver.call('echo', 1, 'x')).toEqual([[1], ['x']])
    expect(await client.call('echo', [1, 'x'])).toEqual([1, 'x'])
    expect(await driver.eval('return ...', 1, 'x')).toEqual([1, 'x'])
    expect(await client.eval('return ...', [1, 'x'])).toEqual([1, 'x'])
    expect(await driver.ping()).toBe(true)
    expect(await client.ping()).toBeUndefined()
  })
})

test('what is no connection of the driver is refused', () => {
  expect(() => new DriverCaller({} as DriverConnection)).toThrow(/tarantool-driver 3.1/)
})

import { once } from 'node:events'
import { type Client, connect, ServerError } from '@tarantella/connector'
import { DriverCaller, type DriverConnection } from '@tarantella/connector/tarantool-driver'
import TarantoolConnection from 'tarantool-driver'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { startTarantool, type TarantoolServer } from '../helpers/start-tarantool.ts'

const SCRIPT = `
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

interface Driver extends DriverConnection {
  call(name: string, ...args: unknown[]): Promise<unknown>
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

test('what is no connection of the driver is refused', () => {
  expect(() => new DriverCaller({} as DriverConnection)).toThrow(/tarantool-driver 3.1/)
})

import { type Client, connect, type TarantellaError } from '@tarantella/connector'
import { beforeAll, describe, expect, test } from 'vitest'
import { startTarantool, type TarantoolServer } from '../helpers/start-tarantool.ts'

const SCRIPT = `
  local users = box.schema.space.create('users', { if_not_exists = true })
  users:format({ { 'id', 'unsigned' }, { 'name', 'string' }, { 'age', 'unsigned', is_nullable = true } })
  users:create_index('pk', { parts = { 'id' }, if_not_exists = true })
  users:create_index('age', { parts = { { 'age', is_nullable = true } }, unique = false, if_not_exists = true })
  box.schema.space.create('any', { if_not_exists = true }):create_index('pk', { if_not_exists = true })
  function echo(...) return ... end
  function nothing() end
  function fail() box.error({ code = 5, reason = 'as asked' }) end
`

let server: TarantoolServer
let client: Client

beforeAll(async () => {
  server = await startTarantool({ script: SCRIPT })
  client = await connect(server.uri)
  return async () => {
    await client.close()
    await server[Symbol.asyncDispose]()
  }
})

function refusal(promise: Promise<unknown>): Promise<TarantellaError> {
  return promise.then(
    (value) => Promise.reject(new Error(`expected a rejection, got ${String(value)}`)),
    // Every rejection of the client is an error of this class.
    (error: unknown) => error as TarantellaError,
  )
}

describe('tuples', () => {
  test('are stored, found, changed and deleted by names', async () => {
    expect(await client.insert('users', [1, 'Zoë', 33])).toEqual([1, 'Zoë', 33])
    expect(await client.replace('users', [2, 'Ann', null])).toEqual([2, 'Ann', null])
    expect(await client.get('users', 1)).toEqual([1, 'Zoë', 33])
    expect(await client.get('users', [99])).toBeUndefined()
    expect(await client.select('users', 33, { index: 'age' })).toEqual([[1, 'Zoë', 33]])
    expect(await client.update('users', 1, [['+', 2, 1]])).toEqual([1, 'Zoë', 34])
    expect(await client.update('users', 99, [['+', 2, 1]])).toBeUndefined()
    expect(await client.upsert('users', [3, 'Bob', 1], [['+', 2, 1]])).toBeUndefined()
    await client.upsert('users', [3, 'Bob', 1], [['+', 2, 1]])
    expect(await client.get('users', 3)).toEqual([3, 'Bob', 2])
    expect(await client.delete('users', 3)).toEqual([3, 'Bob', 2])
    expect(await client.delete('users', 3)).toBeUndefined()
    expect(await client.select('users', [2], { iterator: 'ge', limit: 1 })).toEqual([[2, 'Ann', null]])
    expect(await client.select('users', [], { iterator: 'all', offset: 1 })).toEqual([[2, 'Ann', null]])
    expect(await client.select('users')).toHaveLength(2)
  })

  test('are found by numbers of space and index', async () => {
    const [id] = await client.eval<[number]>('return box.space.users.id')
    await client.replace(id, [4, 'Eve', 50])
    expect(await client.select(id, 50, { index: 1 })).toEqual([[4, 'Eve', 50]])
    expect(await client.select(id, 50, { index: 'age' })).toEqual([[4, 'Eve', 50]])
  })

  test('get refuses a key that fits several', async () => {
    await client.replace('users', [5, 'A', 70])
    await client.replace('users', [6, 'B', 70])
    expect(await refusal(client.get('users', 70, { index: 'age' }))).toMatchObject({ code: 'ER_MORE_THAN_ONE_TUPLE' })
  })

  test('of any depth and size come back', async () => {
    const value = {
      list: Array.from({ length: 1000 }, (_, i) => i * 7),
      nested: { a: [{ b: [null, true, 'ё'.repeat(500)] }] },
    }
    expect(await client.replace('any', [1, value])).toEqual([1, value])
    const text = 'x'.repeat(700_000)
    expect(await client.replace('any', [2, text])).toEqual([2, text])
  })
})

describe('integers are exact', () => {
  test('5000000000 is a key and a value', async () => {
    expect(await client.replace('users', [5_000_000_000, 'far', 1])).toEqual([5_000_000_000, 'far', 1])
    expect(await client.get('users', 5_000_000_000)).toEqual([5_000_000_000, 'far', 1])
    expect(await client.replace('any', [3, { a: 5_000_000_000 }])).toEqual([3, { a: 5_000_000_000 }])
    const [type] = await client.eval<[string]>('return box.tuple.is and type(...)', [5_000_000_000])
    expect(type).toBe('number')
  })

  test('uint64 beyond 2^53 comes as bigint and goes as one', async () => {
    const big = 2n ** 63n + 1n
    expect(await client.replace('users', [big, 'big', null])).toEqual([big, 'big', null])
    expect(await client.get('users', big)).toEqual([big, 'big', null])
    const values = [2n ** 64n - 1n, -(2n ** 63n), Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, -1, 1.5]
    expect(await client.call('echo', values)).toEqual(values)
  })
})

describe('functions', () => {
  test('give all that they return', async () => {
    expect(await client.call('echo', [1, 'two', [3], { four: 4 }, null])).toEqual([1, 'two', [3], { four: 4 }, null])
    expect(await client.call('nothing')).toEqual([])
    expect(await client.eval('return select("#", ...), ...', [7, 8])).toEqual([2, 7, 8])
  })

  test('leave fields undecoded where the caller wants them', async () => {
    const [[task]] = await client.call<[[[number, string, { bytes: Buffer; decode(): unknown }]]]>(
      'echo',
      [[[1, 't', { a: 1 }]]],
      { lazy: { depth: 2, index: 2 } },
    )
    expect(task[2].bytes.toString('hex')).toBe('81a16101')
    expect(task[2].decode()).toEqual({ a: 1 })
  })
})

describe('bad input gives an error with a code, and the client goes on', () => {
  test.each<[name: string, run: () => Promise<unknown>, facts: object]>([
    ['an unknown space', () => client.select('nope'), { code: 'ER_NO_SUCH_SPACE', number: 36 }],
    ['an unknown space for a write', () => client.insert('nope', [1]), { code: 'ER_NO_SUCH_SPACE' }],
    ['an unknown index', () => client.select('users', 1, { index: 'nope' }), { code: 'ER_NO_SUCH_INDEX_NAME' }],
    ['an unknown function', () => client.call('nope'), { code: 'ER_NO_SUCH_PROC' }],
    [
      'a key that is taken',
      () => client.insert('users', [1, 'again', 1]),
      { code: 'ER_TUPLE_FOUND', sent: true, retryable: false },
    ],
    ['a field of the wrong type', () => client.insert('users', ['x', 'y', 1]), { code: 'ER_FIELD_TYPE' }],
    ['a function that fails', () => client.call('fail'), { code: 'ER_UNSUPPORTED', message: 'as asked' }],
    ['Lua that does not compile', () => client.eval('return return'), { code: 'ER_PROC_LUA' }],
    [
      'a payload that cannot be encoded',
      () => client.insert('any', [1, () => 1]),
      { code: 'ENCODE_FAILED', sent: false },
    ],
    [
      'a payload above the tuple limit',
      () => client.insert('any', [9, 'x'.repeat(2 * 1024 * 1024)]),
      { code: 'ER_MEMTX_MAX_TUPLE_SIZE', sent: true },
    ],
  ])('%s', async (_name, run, facts) => {
    expect(await refusal(run())).toMatchObject(facts)
    await client.ping()
  })

  test('an error has its frames, and the fields of one made in Lua', async () => {
    const error = await refusal(client.eval(`box.error(box.error.new({ type = 'MyType', reason = 'mine' }))`))
    expect(error).toMatchObject({ message: 'mine', frames: [{ message: 'mine' }] })
    expect(error).toMatchObject({ frames: [{ type: 'CustomError', fields: { custom_type: 'MyType' } }] })
  })
})

import { type Client, connect, defineExtension, ErrorValue, RawField, Uuid } from '@tarantella/connector'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { startTarantool, type TarantoolServer } from '../helpers/start-tarantool.ts'

const SCRIPT = `
  local users = box.schema.space.create('users')
  users:format({ { 'id', 'unsigned' }, { 'name', 'string' }, { 'age', 'unsigned', is_nullable = true } })
  users:create_index('pk', { parts = { 'id' } })
  users:insert({ 1, 'Ann', 33 })
  users:insert({ 2, 'Bob' })
  users:insert({ 3, 'Eve', 40, 'more' })
  local plain = box.schema.space.create('plain')
  plain:create_index('pk')
  plain:insert({ 1, 'x' })
  local keys = box.schema.space.create('keys')
  keys:create_index('pk', { parts = { { 1, 'uuid' } } })
  function a_tuple(id) return box.space.users:get(id) end
  function nested(id) return { list = { box.space.users:get(id) }, plain = { 1, 2 } } end
  function batch() return { box.space.users:get(1), box.space.users:get(2) } end
  function echo(...) return ... end
  function an_error() return box.error.new({ code = 7, reason = 'a value' }) end
`

let server: TarantoolServer

beforeAll(async () => {
  server = await startTarantool({ script: SCRIPT })
  return () => server[Symbol.asyncDispose]()
})

async function open(options: Parameters<typeof connect>[1] = {}): Promise<Client> {
  const client = await connect(server.uri, options)
  onTestFinished(() => client.close())
  return client
}

const ANN = { id: 1, name: 'Ann', age: 33 }
const EVE = { id: 3, name: 'Eve', age: 40, 4: 'more' }

describe.each([
  ['by the format of the space', {}],
  ['by the formats that the server sends', { tupleFormats: true }],
] as const)('rows as objects, %s', (_, options) => {
  test('come from every request to a space, by its name and by its number', async () => {
    const client = await open(options)
    const [id] = await client.eval<[number]>('return box.space.users.id')
    const rows = 'object'
    for (const space of ['users', id]) {
      expect(await client.get(space, 1, { rows })).toEqual(ANN)
      expect(await client.get(space, 2, { rows })).toEqual({ id: 2, name: 'Bob', age: null })
      expect(await client.select(space, 3, { rows })).toEqual([EVE])
      expect(await client.replace(space, [9, 'Zoë'], { rows })).toEqual({ id: 9, name: 'Zoë', age: null })
      expect(await client.update(space, 9, [['=', 'age', 1]], { rows })).toEqual({ id: 9, name: 'Zoë', age: 1 })
      expect(await client.delete(space, 9, { rows })).toEqual({ id: 9, name: 'Zoë', age: 1 })
      expect(await client.insert(space, [9, 'Zoë'], { rows })).toEqual({ id: 9, name: 'Zoë', age: null })
      expect(await client.delete(space, 9)).toEqual([9, 'Zoë'])
      expect(await client.get(space, 99, { rows })).toBeUndefined()
    }
    expect(await client.select('plain', [], { rows })).toEqual([{ 1: 1, 2: 'x' }])
  })

  test('follow a change of the format', async () => {
    const client = await open(options)
    const rename = `
      local format = box.space.users:format()
      format[2].name = ...
      box.space.users:format(format)
    `
    await client.eval(rename, ['called'])
    // A tuple that is stored keeps the names that it was stored with, for a server that sends them.
    const stored = client.replace('users', [2, 'Bob'], { rows: 'object' })
    expect(await stored).toEqual({ id: 2, called: 'Bob', age: null })
    await client.eval(rename, ['name'])
    const again = client.replace('users', [2, 'Bob'], { rows: 'object' })
    expect(await again).toEqual({ id: 2, name: 'Bob', age: null })
  })

  test('are arrays where nobody asks for objects', async () => {
    const client = await open(options)
    expect(await client.select('users', 1)).toEqual([[1, 'Ann', 33]])
    expect(await client.call('a_tuple', [1])).toEqual([[1, 'Ann', 33]])
    expect(await client.call('nested', [1])).toEqual([{ list: [[1, 'Ann', 33]], plain: [1, 2] }])
  })

  test('leave a lazy field of a tuple undecoded', async () => {
    const client = await open(options)
    const [rows] = await client.call<[[number, RawField][]]>('batch', [], { lazy: { depth: 2, index: 1 } })
    expect(rows.map(([id, name]) => [id, name instanceof RawField, name.decode()])).toEqual([
      [1, true, 'Ann'],
      [2, true, 'Bob'],
    ])
    const error = await client
      .select('users', 1, { lazy: { depth: 1, index: 1 }, rows: 'object' })
      .catch((e: unknown) => e)
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT' })
  })
})

test('tuples that a function returns are objects where the server sends their formats', async () => {
  const client = await open({ tupleFormats: true })
  const call = client.call('nested', [1], { rows: 'object' })
  if (client.server?.features.has('call-ret-tuple-extension') === true) {
    expect(await call).toEqual([{ list: [ANN], plain: [1, 2] }])
    expect(await client.call('a_tuple', [3], { rows: 'object' })).toEqual([EVE])
    expect(await client.eval('return 1, box.space.users:get(1)', [], { rows: 'object' })).toEqual([1, ANN])
    const without = await open()
    await expect(without.call('a_tuple', [1], { rows: 'object' })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('tupleFormats') as unknown,
    })
  } else {
    await expect(call).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringMatching(/call-ret-tuple-extension.* 3\.0/) as unknown,
    })
  }
})

class Money {
  readonly cents: number
  constructor(cents: number) {
    this.cents = cents
  }
}
const money = defineExtension({
  type: 64,
  class: Money,
  encode: ({ cents }) => Buffer.from(String(cents)),
  decode: (bytes) => new Money(Number(bytes.toString())),
})

test("a connection's own extensions travel in both directions, and in lazy fields", async () => {
  const client = await open({ extensions: [money] })
  // Before 2.8 the server's Lua does not know how to keep a foreign extension, but a space of type any does.
  expect(await client.replace('plain', [2, new Money(150)])).toEqual([2, new Money(150)])
  const rows = await client.select<[number, RawField]>('plain', 2, { lazy: { depth: 1, index: 1 } })
  expect(rows[0]?.[1].decode()).toEqual(new Money(150))
})

test('a uuid is a key by itself', async () => {
  const client = await open()
  const id = Uuid.random()
  await client.insert('keys', [id, 'x'])
  expect(await client.get('keys', id)).toEqual([id, 'x'])
})

test('an error that a function returns is a value', async () => {
  const client = await open()
  const [error] = await client.call('an_error')
  // Before 2.10 a client could not ask for it.
  if (client.server?.features.has('error-extension') === true) {
    expect(error).toBeInstanceOf(ErrorValue)
    expect(error).toMatchObject({ message: 'a value', number: 7 })
  } else expect(error).toBe('a value')
})

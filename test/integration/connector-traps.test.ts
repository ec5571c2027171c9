import { type Client, connect, DateTime, Decimal, double, float32, Uuid } from '@tarantella/connector'
import { beforeAll, describe, expect, test } from 'vitest'
import { startTarantool } from '../helpers/start-tarantool.ts'

// What other connectors get wrong, and no other file tests on a real server; docs/traps.md lists all.
const SCRIPT = `
  local any = box.schema.space.create('any', { if_not_exists = true })
  any:create_index('pk', { if_not_exists = true })
  local ids = box.schema.space.create('ids', { if_not_exists = true })
  ids:create_index('pk', { parts = { { 1, 'uuid' } }, if_not_exists = true })
  local floats = box.schema.space.create('floats', { if_not_exists = true })
  floats:format({ { 'id', 'unsigned' }, { 'double', 'double' } })
  floats:create_index('pk', { if_not_exists = true })
  local narrow = box.schema.space.create('narrow', { if_not_exists = true })
  pcall(narrow.format, narrow, { { 'id', 'unsigned' }, { 'float32', 'float32' } })
  narrow:create_index('pk', { if_not_exists = true })
  function echo(...) return ... end
  function empty() return {} end
`

let client: Client
/** Whether the server knows datetimes: since 2.10, as streams. */
let hasDatetimes: boolean

beforeAll(async () => {
  const server = await startTarantool({ script: SCRIPT })
  client = await connect(server.uri)
  hasDatetimes = client.server?.features.has('streams') === true
  return async () => {
    client.destroy()
    await server[Symbol.asyncDispose]()
  }
})

const UUID = Uuid.from('c8f0fa1f-da29-438c-a040-393f1126ad39')
const DECIMAL = Decimal.from('-12345678901234567890.123456789')
const DATETIME = DateTime.from('2026-11-21T12:00:00.123456789+03:00')

describe('a value of an extension type', () => {
  test.each([
    ['uuid', () => UUID],
    ['decimal', () => DECIMAL],
    ['datetime', () => (hasDatetimes ? DATETIME : UUID)],
  ] as const)('of the type %s travels in every request', async (_type, make) => {
    const value = make()
    const text = String(value)
    const seen: unknown[] = []
    const [, inserted] = await client.insert('any', [1, value])
    const [, replaced] = await client.replace('any', [1, value])
    const [, updated] = (await client.update('any', 1, [['=', 1, value]])) ?? []
    await client.upsert('any', [1, 0], [['!', 2, value]])
    const [, , upserted] = (await client.get('any', 1)) ?? []
    const [called] = await client.call('echo', [value])
    const [evaluated] = await client.eval('return ...', [{ nested: [value] }])
    await client.delete('any', 1)
    seen.push(inserted, replaced, updated, upserted, called, (evaluated as { nested: unknown[] }).nested[0])
    expect(seen.map(String)).toEqual(Array(6).fill(text))
    expect(seen.every((one) => one instanceof value.constructor)).toBe(true)
  })

  test('is a key', async () => {
    await client.replace('ids', [UUID, 'x'])
    expect(await client.get('ids', UUID)).toEqual([UUID, 'x'])
    expect(await client.select('ids', [UUID], { iterator: 'ge' })).toHaveLength(1)
    expect(await client.update('ids', UUID, [['=', 1, 'y']])).toEqual([UUID, 'y'])
    expect(await client.delete('ids', UUID)).toEqual([UUID, 'y'])
  })

  test('of a type that the server may not know is kept as it came', async () => {
    // Servers before 2.10 know no datetimes; in a field without a type they store the bytes.
    expect(await client.replace('any', [9, DATETIME])).toEqual([9, DATETIME])
    expect(await client.get('any', 9)).toEqual([9, DATETIME])
  })
})

describe('the width of a float', () => {
  test('is 64 bits by double(), which a double field takes from any server', async () => {
    expect(await client.replace('floats', [1, double(1)])).toEqual([1, 1])
    expect(await client.replace('floats', [1, 0.5])).toEqual([1, 0.5])
  })

  test('is 32 bits by float32(), which a float32 field takes where the server has one', async () => {
    const [major = 0, minor = 0] = (client.server?.version ?? '').split('.').map(Number)
    const hasFloat32 = major > 3 || (major === 3 && minor >= 1)
    expect(await client.replace('narrow', [1, float32(0.5)])).toEqual([1, 0.5])
    const wide = client.replace('narrow', [1, 0.5])
    // Without the type the field takes anything.
    if (hasFloat32) await expect(wide).rejects.toMatchObject({ code: 'ER_FIELD_TYPE' })
    else expect(await wide).toEqual([1, 0.5])
  })
})

test('an empty Lua table is an array, unless it came as a map', async () => {
  expect(await client.call('empty')).toEqual([[]])
  expect(await client.call('echo', [{}, []])).toEqual([{}, []])
})

describe('a bind of SQL', () => {
  test('by name is a map of one key with its sigil, made from a plain object', async () => {
    const { rows } = await client.execute('SELECT :a AS "a", @b AS "b", :a AS "again"', { a: 1, '@b': 'x' })
    expect(rows).toEqual([{ a: 1, b: 'x', again: 1 }])
  })

  test('that is an object cannot choose the parameter it is bound to', async () => {
    await expect(client.execute('SELECT ?', [{ ':a': 1 }])).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      sent: false,
    })
  })
})

test('a prepared statement outlives the session that prepared it', async () => {
  const own = await startTarantool()
  const other = await connect(own.uri)
  const statement = await other.prepare('SELECT ? + 1 AS "next"')
  expect((await statement.execute([1])).rows).toEqual([{ next: 2 }])
  await own.restart()
  // The new server has not heard of it; the number that the old one gave may stand for anything there.
  expect((await statement.execute([41])).rows).toEqual([{ next: 42 }])
  await other.close()
})

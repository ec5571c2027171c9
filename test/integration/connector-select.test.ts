import { type Client, connect, type Iterator } from '@tarantella/connector'
import { beforeAll, describe, expect, test } from 'vitest'
import { startTarantool, type TarantoolServer } from '../helpers/start-tarantool.ts'

const SCRIPT = `
  local rows = box.schema.space.create('rows')
  rows:format({ { 'id', 'unsigned' }, { 'group', 'string' }, { 'n', 'unsigned' }, { 'note', 'string', is_nullable = true } })
  rows:create_index('pk', { parts = { 'id' } })
  rows:create_index('place', { parts = { 'group', 'n' } })
  rows:create_index('group', { parts = { 'group' }, unique = false })
  rows:create_index('note', { parts = { { 'note', is_nullable = true } } })
  rows:create_index('hash', { type = 'HASH', parts = { 'id' } })
  rows:create_index('folded', { parts = { { 'group', collation = 'unicode_ci' }, 'n' } })
  for id = 1, 25 do rows:insert({ id, id <= 10 and 'a' or 'b', id }) end
  local words = box.schema.space.create('words')
  words:create_index('pk', { parts = { { 1, 'string' } } })
  for _, word in ipairs({ 'a', 'ab', 'abc', 'b', 'ba' }) do words:insert({ word }) end
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

function has(feature: 'pagination' | 'prefix-iterators'): boolean {
  return client.server?.features.has(feature) === true
}

function ids(from: number, to: number): number[] {
  const step = from <= to ? 1 : -1
  return Array.from({ length: Math.abs(to - from) + 1 }, (_, i) => from + i * step)
}

async function idsOf(rows: AsyncIterable<unknown[]>): Promise<unknown[]> {
  const found: unknown[] = []
  for await (const row of rows) found.push(row[0])
  return found
}

/** How the server refuses what came with this version. */
function lacking(feature: string, since: string): unknown {
  return expect.objectContaining({
    code: 'UNSUPPORTED',
    sent: false,
    message: expect.stringMatching(new RegExp(`${feature}.* ${since}`)) as unknown,
  })
}

describe('a select', () => {
  test.each<readonly [Iterator, unknown[] | number, number[]]>([
    ['eq', 3, [3]],
    ['req', 3, [3]],
    ['all', [], ids(1, 25)],
    ['lt', 4, [3, 2, 1]],
    ['le', 3, [3, 2, 1]],
    ['ge', 23, [23, 24, 25]],
    ['gt', 22, [23, 24, 25]],
  ])('walks an index by %s', async (iterator, key, expected) => {
    expect((await client.select('rows', key, { iterator })).map(([id]) => id)).toEqual(expected)
  })

  test.each<readonly [Iterator, string, string[]]>([
    ['np', 'a', ['b', 'ba']],
    ['pp', 'b', ['abc', 'ab', 'a']],
  ])('walks to another prefix by %s, since 3.2', async (iterator, key, expected) => {
    const found = client.select<[string]>('words', key, { iterator })
    if (has('prefix-iterators')) expect((await found).map(([word]) => word)).toEqual(expected)
    else await expect(found).rejects.toEqual(lacking('prefix-iterators', '3\\.2'))
  })

  test('says where it has ended, and goes on there or behind a tuple, since 2.11', async () => {
    const first = client.select('rows', [], { limit: 2, fetchPosition: true })
    const behind = client.select('rows', [], { limit: 2, after: [2, 'a', 2] })
    if (!has('pagination')) {
      await expect(first).rejects.toEqual(lacking('pagination', '2\\.11'))
      await expect(behind).rejects.toEqual(lacking('pagination', '2\\.11'))
      return
    }
    const page = await first
    expect(page.map(([id]) => id)).toEqual([1, 2])
    const next = await client.select('rows', [], { limit: 2, after: page.position, fetchPosition: true })
    expect(next.map(([id]) => id)).toEqual([3, 4])
    expect((await behind).map(([id]) => id)).toEqual([3, 4])
    const none = await client.select('rows', [99], { fetchPosition: true })
    expect([[...none], none.position]).toEqual([[], undefined])
    await expect(client.select('rows', [], { after: 'nonsense' })).rejects.toMatchObject({
      code: 'ER_ITERATOR_POSITION',
    })
  })
})

describe('iterate', () => {
  test.each<readonly [string, Parameters<Client['iterate']>[1], Parameters<Client['iterate']>[2], number[]]>([
    ['all', undefined, {}, ids(1, 25)],
    ['ge', 11, { iterator: 'ge' }, ids(11, 25)],
    ['gt', 11, { iterator: 'gt' }, ids(12, 25)],
    ['le', 11, { iterator: 'le' }, ids(11, 1)],
    ['lt', 11, { iterator: 'lt' }, ids(10, 1)],
    ['eq on a whole key', 11, {}, [11]],
    ['eq on a part of a key', 'a', { index: 'place' }, ids(1, 10)],
    ['req on a part of a key', ['a'], { index: 'place', iterator: 'req' }, ids(10, 1)],
    ['eq on another part', 'b', { index: 1 }, ids(11, 25)],
    ['all behind a tuple', undefined, { after: [20, 'b', 20] }, ids(21, 25)],
    ['no more than asked for', undefined, { limit: 7 }, ids(1, 7)],
    ['none', undefined, { limit: 0 }, []],
    ['a whole key under a collation', ['B', 11], { index: 'folded' }, [11]],
    ['past a collation', ['B', 11], { index: 'folded', iterator: 'ge' }, ids(11, 25)],
  ])('gives %s, page by page', async (_, key, options, expected) => {
    expect(await idsOf(client.iterate('rows', key, { ...options, batch: 3 }))).toEqual(expected)
  })

  test('asks for a page when the one before is used up, and for no more after break', async () => {
    const seen: unknown[] = []
    const { bytesOut } = client.stats
    for await (const row of client.iterate('rows', [], { batch: 3 })) {
      seen.push(row[0])
      if (seen.length === 4) break
    }
    expect(seen).toEqual([1, 2, 3, 4])
    const used = client.stats.bytesOut
    expect(used).toBeGreaterThan(bytesOut)
    await client.ping()
    // A ping is 14 bytes; nothing else has left since.
    expect(client.stats.bytesOut - used).toBe(14)
  })

  test('gives objects', async () => {
    const rows: unknown[] = []
    for await (const row of client.iterate('rows', 24, { iterator: 'ge', batch: 1, rows: 'object' })) rows.push(row)
    expect(rows).toEqual([
      { id: 24, group: 'b', n: 24, note: null },
      { id: 25, group: 'b', n: 25, note: null },
    ])
  })

  test.each<readonly [string, string, unknown[], number]>([
    ['that is not unique', 'group', ['a'], 10],
    ['with nulls', 'note', [], 25],
    ['whose parts the server alone can compare', 'folded', ['A'], 10],
  ])('over an index %s needs positions', async (_, index, key, count) => {
    const found = idsOf(client.iterate('rows', key, { index, batch: 3 }))
    if (has('pagination')) expect(await found).toHaveLength(count)
    else await expect(found).rejects.toEqual(lacking('pagination', '2\\.11'))
  })

  test('over a hash index is refused everywhere', async () => {
    const code = has('pagination') ? 'ER_UNSUPPORTED_INDEX_FEATURE' : 'UNSUPPORTED'
    await expect(idsOf(client.iterate('rows', [], { index: 'hash', batch: 3 }))).rejects.toMatchObject({ code })
  })

  test('rejects for what does not exist', async () => {
    await expect(idsOf(client.iterate('nope'))).rejects.toMatchObject({ code: 'ER_NO_SUCH_SPACE' })
    const noIndex = await idsOf(client.iterate('rows', [], { index: 'nope' })).catch((error: unknown) => error)
    expect(noIndex).toMatchObject({ code: expect.stringMatching(/^ER_NO_SUCH_INDEX/) as unknown })
  })
})

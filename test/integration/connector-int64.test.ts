import { type Client, connect, type Int64Form, type RawField } from '@tarantella/connector'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTarantool, type TarantoolServer } from '../helpers/start-tarantool.ts'

/** Beyond what a double holds, so that two of them round to one. */
const WIDE = 2n ** 60n + 1n

const SCRIPT = `
  local numbers = box.schema.space.create('numbers', { format = { { 'id', 'unsigned' }, { 'n', 'integer' } } })
  numbers:create_index('pk', { parts = { 'id' } })
  for i = 0, 4 do numbers:insert({ 1152921504606846977ULL + i, -5000000000 }) end
`

let server: TarantoolServer

beforeAll(async () => {
  server = await startTarantool({ script: SCRIPT })
})

afterAll(() => server[Symbol.asyncDispose]())

async function open(int64: Int64Form): Promise<Client & AsyncDisposable> {
  return connect(server.uri, { int64 })
}

describe.each<readonly [int64: Int64Form, id: unknown, n: unknown]>([
  ['safe', WIDE, -5_000_000_000],
  ['bigint', WIDE, -5_000_000_000n],
  ['number', 2 ** 60, -5_000_000_000],
  ['string', '1152921504606846977', -5_000_000_000],
])('int64: %s', (int64, id, n) => {
  test('is the form of integers in rows, in results and in lazy fields', async () => {
    await using client = await open(int64)
    expect(await client.get('numbers', WIDE)).toEqual([id, n])
    expect(await client.get('numbers', WIDE, { rows: 'object' })).toEqual({ id, n })
    expect(await client.call('tostring', [WIDE])).toEqual(['1152921504606846977ULL'])
    expect(await client.eval('return ..., { n = 1 }', [WIDE])).toEqual([id, { n: 1 }])
    const [field] = await client.eval<[RawField]>('return ...', [WIDE], { lazy: { depth: 0, index: 0 } })
    expect(field.decode()).toBe(id)
  })

  test('no page is lost or repeated: where the key was altered, pages without positions are refused', async () => {
    await using client = await open(int64)
    const rows: unknown[] = []
    const read = async (): Promise<void> => {
      for await (const row of client.iterate('numbers', [], { batch: 2 })) rows.push(row)
    }
    const isAltered = int64 === 'number' || int64 === 'string'
    if (isAltered && client.server?.features.has('pagination') !== true) {
      const refusal = { code: 'UNSUPPORTED', message: expect.stringMatching(/pagination.* 2\.11.*int64/) as unknown }
      await expect(read()).rejects.toThrow(expect.objectContaining(refusal))
      expect(rows).toHaveLength(2)
    } else {
      await read()
      expect(rows).toHaveLength(5)
    }
  })
})

import { type Client, connect, ops, type UpdateOperation } from '@tarantella/connector'
import { beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { startTarantool, type TarantoolServer } from '../helpers/start-tarantool.ts'

const SCRIPT = `
  local docs = box.schema.space.create('docs')
  docs:format({ { 'id', 'unsigned' }, { 'name', 'string' }, { 'n', 'integer' }, { 'data', 'map' }, { 'tags', 'array' } })
  docs:create_index('pk')
  function three() return 1, { 2 }, 'x' end
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

/** The first fields of document 1 after these operations. */
async function changed(operations: readonly UpdateOperation[], fields: number): Promise<unknown[] | undefined> {
  return (await client.update('docs', 1, operations))?.slice(0, fields)
}

describe('update operations', () => {
  beforeEach(async () => {
    await client.replace('docs', [1, 'Hello', 0b1100, { city: 'Riga', list: [1, 2] }, ['a', 'b', 'c']])
  })

  test('change fields by number, from 0 and from the end', async () => {
    const operations = [ops.set(1, 'Bye'), ops.add(2, 4), ops.set(-1, [])]
    expect(await client.update('docs', 1, operations)).toEqual([1, 'Bye', 16, { city: 'Riga', list: [1, 2] }, []])
  })

  test('change fields by name', async () => {
    expect(await changed([ops.set('name', 'Bye'), ops.and('n', 0b0110)], 3)).toEqual([1, 'Bye', 0b0100])
    expect(await changed([ops.or('n', 1)], 3)).toEqual([1, 'Bye', 0b0101])
    expect(await changed([ops.xor('n', 0b11n)], 3)).toEqual([1, 'Bye', 0b0110])
    expect(await changed([ops.subtract('n', 7)], 3)).toEqual([1, 'Bye', -1])
  })

  test('change what a JSON path leads to, where elements count from 1', async () => {
    const operations = [
      ops.set('data.city', 'Oslo'),
      ops.add('data.list[1]', 10),
      ops.insertField('data.zip', 'x'),
      ops.insertField('tags[1]', 'z'),
    ]
    const [, , , data, tags] = (await changed(operations, 5)) ?? []
    expect([data, tags]).toEqual([{ city: 'Oslo', list: [11, 2], zip: 'x' }, ['z', 'a', 'b', 'c']])
    expect((await changed([ops.deleteFields('tags[2]', 2)], 5))?.[4]).toEqual(['z', 'c'])
  })

  test('splice strings by bytes, and add and delete fields', async () => {
    expect(await changed([ops.splice('name', 1, 3, 'ey, ')], 2)).toEqual([1, 'Hey, o'])
    expect(await changed([ops.splice(1, -2, 1, '!')], 2)).toEqual([1, 'Hey, !'])
    expect(await client.update('docs', 1, [ops.insertField(5, 'more')])).toHaveLength(6)
    expect(await client.update('docs', 1, [ops.deleteFields(5)])).toHaveLength(5)
  })

  test('make an upsert', async () => {
    await client.upsert('docs', [1, '', 0, {}, []], [ops.add('n', 1)])
    expect((await client.get('docs', 1))?.slice(0, 3)).toEqual([1, 'Hello', 13])
  })
})

test('a call as of 1.6 gives each value as a tuple', async () => {
  expect(await client.call('three')).toEqual([1, [2], 'x'])
  expect(await client.call('three', [], { call16: true })).toEqual([[1], [2], ['x']])
})

test('a request of any type gives the body of its reply', async () => {
  // SELECT { SPACE_ID, INDEX_ID, LIMIT, OFFSET, ITERATOR, KEY } of the row of _vspace for itself.
  const body = new Map<number, unknown>([
    [0x10, 281],
    [0x11, 0],
    [0x12, 10],
    [0x13, 0],
    [0x14, 0],
    [0x20, [281]],
  ])
  const reply = await client.request(0x01, body)
  expect([...reply.keys()]).toEqual([0x30])
  expect(reply.get(0x30)).toEqual([expect.arrayContaining([281, 1, '_vspace'])])
  expect(await client.request(0x40, new Map())).toEqual(new Map())
  // VOTE, whose reply is no array under DATA but a BALLOT.
  expect([...(await client.request(0x44, new Map())).keys()]).toEqual([0x29])
  await expect(client.request(0x7f, new Map())).rejects.toMatchObject({ code: 'ER_UNKNOWN_REQUEST_TYPE' })
})

test('what is broadcast reaches who watches', async () => {
  if (client.server?.features.has('watchers') !== true) {
    await expect(client.broadcast('app.config', 1)).rejects.toMatchObject({ code: 'UNSUPPORTED' })
    return
  }
  const seen = new Promise((resolve) => {
    const subscription = client.watch('app.config', (value) => {
      if (value !== undefined) resolve(value)
    })
    onTestFinished(() => subscription.unregister())
  })
  expect(await client.broadcast('app.config', { limit: 5 })).toBeUndefined()
  expect(await seen).toEqual({ limit: 5 })
})

test('arrow data goes to engines that take it', async () => {
  const insertion = client.insertArrow('docs', Buffer.from('arrow'))
  if (client.server?.features.has('insert-arrow') === true) {
    // The engines of the community edition do not.
    await expect(insertion).rejects.toMatchObject({
      code: 'ER_UNSUPPORTED',
      message: expect.stringContaining('arrow') as unknown,
    })
  } else {
    await expect(insertion).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringMatching(/insert-arrow.* 3\.3/) as unknown,
    })
  }
})

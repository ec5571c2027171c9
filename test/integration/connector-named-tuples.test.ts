import { type Client, connect, NamedTuple, namedTuple } from '@tarantella/connector'
import { beforeAll, expect, test } from 'vitest'
import { startTarantool } from '../helpers/start-tarantool.ts'

const SCRIPT = `
  box.schema.space.create('users'):create_index('pk')
  function kinds(...)
    local found = {}
    for i, value in ipairs({ ... }) do found[i] = type(value) == 'cdata' and value:tomap({ names_only = true }) or type(value) end
    return found
  end
  function name_of(user) return user.name end
`

let client: Client
let hasNames: boolean

beforeAll(async () => {
  const server = await startTarantool({ script: SCRIPT })
  client = await connect(server.uri)
  hasNames = client.server?.features.has('call-arg-tuple-extension') === true
  return async () => {
    await client.close()
    await server[Symbol.asyncDispose]()
  }
})

const ZOË = { id: 7, name: 'Zoë' }

test('an argument has its names on the server, or is refused unsent where the server is older than 3.0', async () => {
  const named = client.call('name_of', [namedTuple(ZOË)])
  if (!hasNames) {
    const refusal = { code: 'UNSUPPORTED', sent: false, message: expect.stringContaining('since 3.0') as unknown }
    await expect(named).rejects.toMatchObject(refusal)
    return
  }
  expect(await named).toEqual(['Zoë'])
  expect(await client.eval('return (...).id, box.tuple.is(...)', [namedTuple(ZOË)])).toEqual([7, true])
})

test('arguments of several formats stand beside others', async () => {
  if (!hasNames) return
  const long = 'x'.repeat(100_000)
  const args = [namedTuple(ZOË), 'text', new NamedTuple(['a', 'b'], [[1], long]), namedTuple({ id: 8, name: 'Ann' })]
  expect(await client.call('kinds', args)).toEqual([[ZOË, 'string', { a: [1], b: long }, { id: 8, name: 'Ann' }]])
})

test('everywhere else it is the array of its values, on any server', async () => {
  expect(await client.call('kinds', [[namedTuple(ZOË)]])).toEqual([['table']])
  expect(await client.replace('users', [1, namedTuple(ZOË)])).toEqual([1, [7, 'Zoë']])
})

test('what cannot be encoded is named, and the client goes on', async () => {
  if (!hasNames) return
  await expect(client.call('kinds', [1, namedTuple({ f: () => 1 })])).rejects.toMatchObject({
    code: 'ENCODE_FAILED',
    message: expect.stringContaining('args[1][0]') as unknown,
  })
  expect(await client.call('name_of', [namedTuple(ZOË)])).toEqual(['Zoë'])
})

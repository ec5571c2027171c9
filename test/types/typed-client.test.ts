import {
  type Client,
  connect,
  type KeyValue,
  type Page,
  type Pool,
  type Stream,
  type Typed,
  type TypedClient,
  typed,
} from '@tarantella/connector'
import { FakeServer } from '@tarantella/connector/testing'
import { describe, expect, expectTypeOf, test } from 'vitest'

type User = [id: number, name: string, age: number | null]

interface Schema {
  spaces: {
    users: User
  }
  functions: {
    add(a: number, b: number): [sum: number]
    now(): [seconds: number]
  }
}

// The compiler checks this file with the rest of the tests; it runs as well, on a fake server.
describe('a schema', () => {
  const db = {} as TypedClient<Schema>

  test('gives each space its rows', () => {
    expectTypeOf(db.select<'users'>).returns.resolves.toEqualTypeOf<Page<User>>()
    expectTypeOf(db.get<'users'>).returns.resolves.toEqualTypeOf<User | undefined>()
    expectTypeOf(db.insert<'users'>)
      .parameter(1)
      .toEqualTypeOf<Readonly<User>>()
    expectTypeOf(db.replace<'users'>).returns.resolves.toEqualTypeOf<User>()
    expectTypeOf(db.update<'users'>).returns.resolves.toEqualTypeOf<User | undefined>()
    expectTypeOf(db.delete<'users'>).returns.resolves.toEqualTypeOf<User | undefined>()
    expectTypeOf(db.select<'users'>)
      .parameter(1)
      .toEqualTypeOf<KeyValue | undefined>()
  })

  test('gives pages and iterations the same rows', () => {
    expectTypeOf(db.select<'users'>).returns.resolves.toHaveProperty('position')
    expectTypeOf(db.iterate<'users'>).returns.toEqualTypeOf<AsyncGenerator<User, void, undefined>>()
  })

  test('types rows as arrays, so what asks for objects does not compile', () => {
    // @ts-expect-error rows as objects
    expectTypeOf(() => db.get('users', 1, { rows: 'object' })).toBeFunction()
  })

  test('gives each function its arguments and results', () => {
    expectTypeOf(db.call<'add'>).returns.resolves.toEqualTypeOf<[sum: number]>()
    expectTypeOf(db.call<'now'>).returns.resolves.toEqualTypeOf<[seconds: number]>()
  })

  test('refuses names and values that it does not have', async () => {
    const server = new FakeServer().onCall('add', (a: number, b: number) => [a + b]).onCall('now', () => [1])
    server.onSpace('users', { select: () => [] })
    const tnt = typed<Schema>(await server.connect())
    // The names and values below are wrong on purpose.
    // @ts-expect-error no such space
    await expect(tnt.select('user')).rejects.toMatchObject({ code: 'ER_NO_SUCH_SPACE' })
    // @ts-expect-error the name is not a string
    await tnt.insert('users', [1, 2, null])
    // @ts-expect-error a field is missing
    await tnt.replace('users', [1, 'Zoë'])
    // @ts-expect-error no such function
    await expect(tnt.call('sub', [1, 2])).rejects.toMatchObject({ code: 'ER_NO_SUCH_PROC' })
    // @ts-expect-error an argument is missing
    await tnt.call('add', [1])
    // @ts-expect-error arguments are missing
    await tnt.call('add')
    expect(await tnt.call('add', [1, 2])).toEqual([3])
    expect(await tnt.call('now')).toEqual([1])
    await tnt.close()
  })

  test('may leave out spaces or functions, which are untyped then', () => {
    const partly = {} as TypedClient<{ functions: Schema['functions'] }>
    expectTypeOf(partly.select<'anything'>).returns.resolves.toEqualTypeOf<Page<unknown[]>>()
    const spacesOnly = {} as TypedClient<{ spaces: Schema['spaces'] }>
    expectTypeOf(spacesOnly.call<'anything'>).returns.resolves.toEqualTypeOf<unknown[]>()
  })

  test('is given to connect, which gives a plain client without', () => {
    expectTypeOf(connect<Schema>).returns.resolves.toEqualTypeOf<TypedClient<Schema>>()
    expectTypeOf(() => connect('127.0.0.1')).returns.resolves.toEqualTypeOf<Client>()
  })

  test('goes with streams and transactions', () => {
    const stream = {} as ReturnType<typeof db.stream>
    expectTypeOf(stream.select<'users'>).returns.resolves.toEqualTypeOf<Page<User>>()
    expectTypeOf(stream.commit).toEqualTypeOf<Stream['commit']>()
    const transfer = () =>
      db.begin(async (tx) => {
        expectTypeOf(tx.get<'users'>).returns.resolves.toEqualTypeOf<User | undefined>()
        const [sum] = await tx.call('add', [1, 2])
        return sum
      })
    expectTypeOf(transfer).returns.resolves.toEqualTypeOf<number>()
    expectTypeOf({} as Typed<Pool, Schema>)
      .toHaveProperty('close')
      .toEqualTypeOf<Pool['close']>()
  })

  test('leaves the rest of the client as it is', () => {
    expectTypeOf(db.close).toEqualTypeOf<Client['close']>()
    expectTypeOf(db.eval<[number]>).returns.resolves.toEqualTypeOf<[number]>()
    expectTypeOf(db.stats).toEqualTypeOf<Client['stats']>()
  })
})

describe('a plain client', () => {
  test('takes what the caller says', () => {
    const client = {} as Pick<Client, 'call' | 'get' | 'select'>
    expectTypeOf(client.call<[number]>).returns.resolves.toEqualTypeOf<[number]>()
    expectTypeOf(client.select<User>).returns.resolves.toEqualTypeOf<Page<User>>()
    expectTypeOf(() => client.get('users', 1)).returns.resolves.toEqualTypeOf<unknown[] | undefined>()
    expectTypeOf(() => client.call('f')).returns.resolves.toEqualTypeOf<unknown[]>()
  })
})

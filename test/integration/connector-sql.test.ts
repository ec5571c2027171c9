import { type Client, connect, Decimal, Uuid } from '@tarantella/connector'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startTarantool, type TarantoolServer } from '../helpers/start-tarantool.ts'

let server: TarantoolServer
let client: Client

beforeAll(async () => {
  server = await startTarantool()
  client = await connect(server.uri, { reconnect: { minDelayMs: 5, maxDelayMs: 50 } })
  return async () => {
    await client.close()
    await server[Symbol.asyncDispose]()
  }
})

beforeEach(async () => {
  await client.execute('DROP TABLE IF EXISTS "users"')
  await client.execute('CREATE TABLE "users" ("id" INTEGER PRIMARY KEY AUTOINCREMENT, "name" STRING, "age" INTEGER)')
})

const KNOWS_SEQSCAN = 'SELECT * FROM "users" WHERE "id" > 0'

describe('a statement', () => {
  test('tells what it has changed, and the ids that were made', async () => {
    const inserted = await client.execute(`INSERT INTO "users" ("name") VALUES ('Ann'), ('Bob')`)
    expect(inserted).toEqual({ rows: [], metadata: [], rowCount: 2, autoincrementIds: [1, 2] })
    const updated = await client.execute('UPDATE "users" SET "age" = ? WHERE "id" = ?', [33, 1])
    expect(updated).toMatchObject({ rowCount: 1, autoincrementIds: [] })
    expect(await client.execute('CREATE TABLE "t" ("id" INTEGER PRIMARY KEY)')).toMatchObject({ rowCount: 1 })
    await client.execute('DROP TABLE "t"')
  })

  test('gives rows as objects by default, as arrays if asked, and its columns', async () => {
    await client.execute(`INSERT INTO "users" ("name", "age") VALUES ('Ann', 33), ('Bob', NULL)`)
    const objects = await client.execute(KNOWS_SEQSCAN)
    expect(objects.rows).toEqual([
      { id: 1, name: 'Ann', age: 33 },
      { id: 2, name: 'Bob', age: null },
    ])
    expect(objects).toMatchObject({ rowCount: 2, autoincrementIds: [] })
    expect(objects.metadata.map(({ name, type }) => [name, type])).toEqual([
      ['id', 'integer'],
      ['name', 'string'],
      ['age', 'integer'],
    ])
    expect(objects.metadata[0]).toMatchObject({ collation: undefined, isNullable: undefined, span: undefined })
    expect((await client.execute(KNOWS_SEQSCAN, [], { rows: 'array' })).rows).toEqual([
      [1, 'Ann', 33],
      [2, 'Bob', null],
    ])
  })

  test('tells all of its columns when the session asks for it', async () => {
    await client.execute('SET SESSION "sql_full_metadata" = true')
    const sql = 'SELECT "id", "name" COLLATE "unicode" AS "n", 1 + 1 FROM "users" WHERE "id" > 0'
    const { metadata } = await client.execute(sql)
    await client.execute('SET SESSION "sql_full_metadata" = false')
    expect(metadata).toMatchObject([
      { name: 'id', isNullable: false, isAutoincrement: true },
      { name: 'n', collation: 'unicode', span: '"name" COLLATE "unicode"' },
      { span: '1 + 1' },
    ])
  })

  test('takes values by position and by name', async () => {
    const sql = 'SELECT ? AS "a", ? AS "b"'
    expect((await client.execute(sql, [1, 'x'])).rows).toEqual([{ a: 1, b: 'x' }])
    expect((await client.execute(sql, [null, undefined])).rows).toEqual([{ a: null, b: null }])
    const named = 'SELECT :a AS "a", @b AS "b", :a AS "c"'
    expect((await client.execute(named, { a: 1, '@b': 2n })).rows).toEqual([{ a: 1, b: 2, c: 1 }])
    expect((await client.execute('SELECT ? AS "v"', [2n ** 64n - 1n])).rows).toEqual([{ v: 2n ** 64n - 1n }])
    expect((await client.execute('SELECT ? AS "v"', [Buffer.from([0, 255])])).rows).toEqual([
      { v: Buffer.from([0, 255]) },
    ])
  })

  test('takes uuids and decimals where the server has them', async () => {
    const values = { u: Uuid.from('c8f0fa1f-da29-438c-a040-393f1126ad39'), d: Decimal.from('1.10') }
    const query = client.execute('SELECT :u AS "u", :d AS "d"', values)
    // A server that gets them before 2.10 crashes, so it must not.
    if (client.server?.features.has('sql-extension-types') !== true) {
      await expect(query).rejects.toMatchObject({
        code: 'UNSUPPORTED',
        sent: false,
        message: expect.stringContaining('2.10') as unknown,
      })
    } else expect((await query).rows).toEqual([values])
  })

  test('takes a map by name alone, for by position the server would take it for a name', async () => {
    await expect(client.execute('SELECT ?', [{ ':a': 1 }])).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('bind[0]') as unknown,
    })
    const query = client.execute('SELECT :m AS "m", :l AS "l"', { m: { a: 1 }, l: [1, 'x'] })
    if (client.server?.protocol === 0) await expect(query).rejects.toMatchObject({ code: 'ER_SQL_BIND_TYPE' })
    else expect((await query).rows).toEqual([{ m: { a: 1 }, l: [1, 'x'] }])
  })

  test('binds what stands in a template, whatever it is', async () => {
    const name = `'; DROP TABLE "users"; --`
    await client.sql`INSERT INTO "users" ("name", "age") VALUES (${name}, ${33})`
    const { rows } = await client.sql<{ id: number; name: string }>`SELECT "id", "name" FROM "users" WHERE "id" = ${1}`
    expect(rows).toEqual([{ id: 1, name }])
    const withMap = client.sql`SELECT ${{ a: 1 }} AS "m", ${2} AS "n"`
    if (client.server?.protocol === 0) await expect(withMap).rejects.toMatchObject({ code: 'ER_SQL_BIND_TYPE' })
    else expect((await withMap).rows).toEqual([{ m: { a: 1 }, n: 2 }])
  })

  test('that is wrong rejects with what the server says', async () => {
    await expect(client.execute('SELEC 1')).rejects.toMatchObject({
      code: 'ER_SQL_SYNTAX_NEAR_TOKEN',
      message: expect.stringContaining('SELEC') as unknown,
    })
    await expect(client.execute('SELECT :a', { b: 1 })).rejects.toMatchObject({ code: 'ER_SQL_BIND_NOT_FOUND' })
  })

  test('runs in a transaction of SQL on a stream', async () => {
    if (client.server?.features.has('streams') !== true) {
      await expect(client.stream().execute('SELECT 1')).rejects.toMatchObject({ code: 'UNSUPPORTED' })
      return
    }
    const stream = client.stream()
    await stream.execute('SELECT 1')
    await stream.execute('START TRANSACTION')
    expect((await stream.execute(`INSERT INTO "users" ("name") VALUES ('Ann')`)).autoincrementIds).toEqual([1])
    await stream.execute('ROLLBACK')
    expect((await client.execute(KNOWS_SEQSCAN)).rows).toEqual([])
  })
})

describe('a prepared statement', () => {
  const sql = 'SELECT "name" FROM "users" WHERE "id" = ?'

  async function cached(): Promise<number> {
    // 2.6 has the same numbers under the same names.
    const [count] = await client.eval<[number]>('return box.info.sql().cache.stmt_count')
    return count
  }

  test('is executed any number of times, and tells its parameters and columns', async () => {
    await client.execute(`INSERT INTO "users" ("name") VALUES ('Ann'), ('Bob')`)
    await using statement = await client.prepare<{ name: string }>(sql)
    expect(statement.text).toBe(sql)
    expect(statement.parameters.map(({ name }) => name)).toEqual(['?'])
    expect(statement.metadata.map(({ name, type }) => [name, type])).toEqual([['name', 'string']])
    const results = await Promise.all([1, 2, 3].map((id) => statement.execute([id])))
    expect(results.map(({ rows }) => rows)).toEqual([[{ name: 'Ann' }], [{ name: 'Bob' }], []])
    expect((await client.execute(statement, [1], { rows: 'array' })).rows).toEqual([['Ann']])
  })

  test('is one on the server however often it is prepared, until the last one gives it up', async () => {
    const before = await cached()
    const statements = await Promise.all([1, 2, 3].map(() => client.prepare(sql)))
    expect(await cached()).toBe(before + 1)
    const [first, ...others] = statements
    await Promise.all(others.map((statement) => statement.unprepare()))
    expect((await first?.execute([1]))?.rows).toEqual([])
    await first?.unprepare()
    await first?.unprepare()
    expect(await cached()).toBe(before)
    await expect(first?.execute([1])).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })

  test('outlives a change of the schema', async () => {
    await client.execute(`INSERT INTO "users" ("name") VALUES ('Ann')`)
    await using statement = await client.prepare(sql)
    await client.execute('CREATE TABLE "other" ("id" INTEGER PRIMARY KEY)')
    expect((await statement.execute([1])).rows).toEqual([{ name: 'Ann' }])
    // Another session changes it, so this one does not know before it is refused.
    await using other = await connect(server.uri)
    await other.execute('DROP TABLE "other"')
    const results = await Promise.all([1, 2, 1].map((id) => statement.execute([id])))
    expect(results.map(({ rows }) => rows)).toEqual([[{ name: 'Ann' }], [], [{ name: 'Ann' }]])
  })

  test('outlives a reconnect', async () => {
    await client.execute(`INSERT INTO "users" ("name") VALUES ('Ann')`)
    await using statement = await client.prepare(sql)
    const lost = new Promise((resolve) => client.once('disconnect', resolve))
    await server.restart()
    await lost
    expect((await statement.execute([1])).rows).toEqual([{ name: 'Ann' }])
  })

  test('says what is wrong when it is prepared, and when it is executed', async () => {
    await expect(client.prepare('SELEC 1')).rejects.toMatchObject({ code: 'ER_SQL_SYNTAX_NEAR_TOKEN' })
    await using statement = await client.prepare('SELECT 1 / ?')
    const error = await statement.execute([0]).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'ER_SQL_EXECUTE', message: expect.stringContaining('division') as unknown })
  })

  test('runs in a stream of its client, and with no other client', async () => {
    await using statement = await client.prepare('SELECT ? AS "v"')
    await using other = await connect(server.uri)
    await expect(other.execute(statement, [1])).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    const query = client.stream().execute(statement, [1])
    if (client.server?.features.has('streams') === true) expect((await query).rows).toEqual([{ v: 1 }])
    else await expect(query).rejects.toMatchObject({ code: 'UNSUPPORTED' })
  })
})

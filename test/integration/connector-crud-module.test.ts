import { type Client, connect } from '@tarantella/connector'
import { Crud, CrudError } from '@tarantella/connector/crud'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startTarantool, type TarantoolServer } from '../helpers/start-tarantool.ts'

// Functions with the signatures, results and errors of the module, over one space of this instance. Each notes its
// options, so that a test sees what has travelled.
const SCRIPT = `
  local space = box.schema.space.create('customers')
  space:format({ { 'id', 'unsigned' }, { 'bucket_id', 'unsigned' }, { 'name', 'string' },
    { 'age', 'unsigned', is_nullable = true } })
  space:create_index('pk')
  space:create_index('age', { parts = { { 4, 'unsigned', is_nullable = true } }, unique = false })

  local METADATA = space:format()
  local function failure(class, err, data)
    return { class_name = class, err = err, str = class .. ': ' .. err, file = 'crud.lua', line = 1,
      operation_data = data }
  end
  local function result(rows, opts)
    last_opts = opts
    if opts ~= nil and opts.noreturn then return nil end
    return { metadata = METADATA, rows = rows }
  end
  local function fill(row)
    if row[2] == nil then row[2] = 477 end
    return row
  end
  local function flatten(object)
    return { object.id, object.bucket_id or 477, object.name, object.age }
  end
  local function known(name)
    return box.space[name] ~= nil
  end
  local function attempt(class, opts, data, f)
    local ok, row = pcall(f)
    if not ok then return nil, failure(class, tostring(row), data) end
    return result({ row }, opts)
  end
  local function many(class, rows, opts, f)
    local done, failed = {}, {}
    for _, row in ipairs(rows) do
      local ok, stored = pcall(f, row)
      table.insert(ok and done or failed, ok and stored or failure(class, tostring(stored), row))
    end
    if #failed == 0 then failed = nil end
    if #done == 0 then return nil, failed end
    return result(done, opts), failed
  end

  crud = {
    insert = function(name, row, opts)
      if not known(name) then return nil, failure('InsertError', 'Space "' .. name .. '" doesn\\'t exist') end
      return attempt('InsertError', opts, row, function() return space:insert(fill(row)) end)
    end,
    insert_object = function(_, object, opts)
      return attempt('InsertError', opts, object, function() return space:insert(flatten(object)) end)
    end,
    replace = function(_, row, opts)
      return attempt('ReplaceError', opts, row, function() return space:replace(fill(row)) end)
    end,
    replace_object = function(_, object, opts)
      return attempt('ReplaceError', opts, object, function() return space:replace(flatten(object)) end)
    end,
    upsert = function(_, row, operations, opts)
      space:upsert(fill(row), operations)
      return result({}, opts)
    end,
    upsert_object = function(_, object, operations, opts)
      space:upsert(flatten(object), operations)
      return result({}, opts)
    end,
    insert_many = function(_, rows, opts)
      return many('InsertManyError', rows, opts, function(row) return space:insert(fill(row)) end)
    end,
    insert_object_many = function(_, rows, opts)
      return many('InsertManyError', rows, opts, function(object) return space:insert(flatten(object)) end)
    end,
    replace_many = function(_, rows, opts)
      return many('ReplaceManyError', rows, opts, function(row) return space:replace(fill(row)) end)
    end,
    upsert_many = function(_, pairs, opts)
      for _, pair in ipairs(pairs) do space:upsert(fill(pair[1]), pair[2]) end
      return result({}, opts)
    end,
    get = function(_, key, opts) return result({ space:get(key) }, opts) end,
    update = function(_, key, operations, opts) return result({ space:update(key, operations) }, opts) end,
    delete = function(_, key, opts) return result({ space:delete(key) }, opts) end,
    select = function(_, conditions, opts)
      local rows = {}
      for _, row in space:pairs() do
        local matches = true
        for _, condition in ipairs(conditions) do
          if condition[1] ~= '>=' then return nil, failure('SelectError', 'Unknown operator') end
          matches = matches and (row[condition[2]] or 0) >= condition[3]
        end
        if matches and #rows < (opts.first or 100) then table.insert(rows, row) end
      end
      return result(rows, opts)
    end,
    min = function(_, index, opts) return result({ space.index[index ~= nil and index or 0]:min() }, opts) end,
    max = function(_, index, opts) return result({ space.index[index ~= nil and index or 0]:max() }, opts) end,
    count = function(_, _, opts) last_opts = opts return space:count() end,
    len = function(_, opts) last_opts = opts return space:len() end,
    truncate = function(_, opts) last_opts = opts space:truncate() return true end,
    storage_info = function() return { s1 = { status = 'running', is_master = true } } end,
  }
`

let server: TarantoolServer
let client: Client
let crud: Crud

beforeAll(async () => {
  server = await startTarantool({ script: SCRIPT })
  client = await connect(server.uri)
  crud = new Crud(client)
  return async () => {
    await client.close()
    await server[Symbol.asyncDispose]()
  }
})

beforeEach(async () => {
  await crud.truncate('customers')
  await crud.insertMany('customers', [
    [1, 477, 'Ann', 33],
    [2, 401, 'Bob'],
  ])
})

async function lastOptions(): Promise<unknown> {
  const [options] = await client.eval('return last_opts')
  return options
}

describe('a row', () => {
  test('is stored as an array or as an object, and comes back as either', async () => {
    const { rows, metadata } = await crud.insert('customers', [3, null, 'Eve', 40])
    expect(rows).toEqual([[3, 477, 'Eve', 40]])
    expect(metadata.map(({ name, type, isNullable }) => [name, type, isNullable])).toEqual([
      ['id', 'unsigned', false],
      ['bucket_id', 'unsigned', false],
      ['name', 'string', false],
      ['age', 'unsigned', true],
    ])
    const object = await crud.insert('customers', { id: 4, name: 'Zoë' }, { rows: 'object' })
    expect(object.rows).toEqual([{ id: 4, bucket_id: 477, name: 'Zoë', age: null }])
    expect((await crud.replace('customers', [4, 1, 'Zoe'])).rows).toEqual([[4, 1, 'Zoe']])
    expect((await crud.replace('customers', { id: 4, name: 'Z' })).rows).toEqual([[4, 477, 'Z']])
  })

  test('is found, changed and deleted by its key', async () => {
    expect(await crud.get('customers', 1)).toEqual([1, 477, 'Ann', 33])
    expect(await crud.get('customers', [1], { rows: 'object' })).toEqual({
      id: 1,
      bucket_id: 477,
      name: 'Ann',
      age: 33,
    })
    expect(await crud.get('customers', 99)).toBeUndefined()
    expect(await crud.update('customers', 1, [['+', 'age', 1]])).toEqual([1, 477, 'Ann', 34])
    expect(await crud.upsert('customers', [1, 477, 'Ann', 0], [['+', 'age', 1]])).toBeUndefined()
    await crud.upsert('customers', { id: 1, name: 'Ann' }, [['+', 'age', 1]])
    expect(await crud.delete('customers', 1)).toEqual([1, 477, 'Ann', 36])
    expect(await crud.delete('customers', 1)).toBeUndefined()
  })
})

test('rows are selected by conditions, and counted', async () => {
  expect((await crud.select('customers', [['>=', 'age', 18]])).rows).toEqual([[1, 477, 'Ann', 33]])
  expect((await crud.select('customers', undefined, { first: 1, rows: 'object' })).rows).toEqual([
    { id: 1, bucket_id: 477, name: 'Ann', age: 33 },
  ])
  expect(await crud.min('customers')).toEqual([1, 477, 'Ann', 33])
  expect(await crud.max('customers', 'age', { rows: 'object' })).toMatchObject({ name: 'Ann' })
  expect([await crud.count('customers'), await crud.len('customers')]).toEqual([2, 2])
  expect(await crud.truncate('customers')).toBeUndefined()
  expect(await crud.len('customers')).toBe(0)
  expect(await crud.storageInfo()).toEqual({ s1: { status: 'running', is_master: true } })
})

test('options travel by the names that crud has for them, those of the request do not', async () => {
  await crud.select('customers', [], {
    first: 5,
    batchSize: 10,
    preferReplica: true,
    mode: 'read',
    fields: ['id'],
    timeout: 1.5,
    timeoutMs: 5000,
    rows: 'array',
  })
  expect(await lastOptions()).toEqual({
    first: 5,
    batch_size: 10,
    prefer_replica: true,
    mode: 'read',
    fields: ['id'],
    timeout: 1.5,
  })
  expect(await crud.insert('customers', [5, 1, 'x'], { noreturn: true, bucketId: 1 })).toEqual({
    rows: [],
    metadata: [],
  })
  expect(await lastOptions()).toEqual({ noreturn: true, bucket_id: 1 })
})

describe('an error', () => {
  test('of one operation rejects with what crud says', async () => {
    const error: unknown = await crud.insert('nope', [1]).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(CrudError)
    expect(error).toMatchObject({
      code: 'CRUD_ERROR',
      retryable: false,
      sent: true,
      message: `crud.insert: Space "nope" doesn't exist`,
      failures: [{ className: 'InsertError', text: `Space "nope" doesn't exist` }],
    })
  })

  test('of some of many stands beside what was done; of all of them it rejects', async () => {
    const some = await crud.insertMany('customers', [
      [1, 1, 'taken'],
      [7, 1, 'new'],
    ])
    expect(some.rows).toEqual([[7, 1, 'new']])
    expect(some.failures).toMatchObject([{ className: 'InsertManyError', operationData: [1, 1, 'taken'] }])
    await expect(
      crud.insertMany('customers', [
        { id: 1, name: 'a' },
        { id: 2, name: 'b' },
      ]),
    ).rejects.toMatchObject({ failures: { length: 2 }, message: expect.stringContaining('and 1 more') as unknown })
    const all = await crud.replaceMany('customers', [[8, 1, 'x']], { stopOnError: true })
    expect([all.rows, all.failures]).toEqual([[[8, 1, 'x']], []])
    expect((await crud.upsertMany('customers', [[[8, 1, 'x'], [['=', 'age', 5]]]])).failures).toEqual([])
    expect(await crud.get('customers', 8)).toEqual([8, 1, 'x', 5])
  })

  test('of the server keeps its own class', async () => {
    await client.eval('crud.len = nil')
    await expect(crud.len('customers')).rejects.toMatchObject({ code: 'ER_NO_SUCH_PROC' })
  })
})

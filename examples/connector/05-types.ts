// What crosses the wire and comes back as it was; and types for the rows of a space.
// Uuids and decimals are types of fields since Tarantool 2.4, datetimes since 2.10.
// Run: npx tsx examples/connector/05-types.ts tarantool://app:secret@127.0.0.1:3301
import assert from 'node:assert/strict'
import { connect, DateTime, Decimal, type Double, double, TarantellaError, Uuid } from '@tarantella/connector'

interface Schema {
  spaces: { example_orders: [id: Uuid, total: Decimal, weight: number | Double, count: number | bigint] }
}

const uri = process.argv[2] ?? 'tarantool://app:secret@127.0.0.1:3301'
const tnt = await connect<Schema>(uri)
await tnt.eval(`
  local orders = box.schema.space.create('example_orders', { if_not_exists = true })
  orders:format({ { 'id', 'uuid' }, { 'total', 'decimal' }, { 'weight', 'double' }, { 'count', 'unsigned' } })
  orders:create_index('pk', { if_not_exists = true })
`)

const id = Uuid.random()
// 5000000000 goes out as an integer; `double` makes a float of a number that has no fraction.
await tnt.insert('example_orders', [id, Decimal.from('1234567890.123456789'), double(2), 5_000_000_000])
const order = await tnt.get('example_orders', id)
assert.ok(order !== undefined)
const [sameId, total, weight, count] = order
assert.ok(sameId.equals(id))
assert.equal(total.toString(), '1234567890.123456789')
assert.equal(weight, 2)
assert.equal(count, 5_000_000_000)

// Beyond 2^53 integers come as bigint, so that no digit is lost.
const [large] = await tnt.eval<[bigint]>('return ...', [2n ** 63n])
assert.equal(large, 9_223_372_036_854_775_808n)
console.log('order', String(sameId), 'of', String(total), 'and a count of', count)

try {
  const at = DateTime.from('2026-11-21T12:00:00.123456789+03:00')
  const [same] = await tnt.eval<[DateTime]>('return ...', [at])
  assert.equal(String(same), String(at))
  console.log('at', String(same))
} catch (error) {
  // Before 2.10 the server knows no datetimes.
  if (!(error instanceof TarantellaError)) throw error
  console.log(error.message)
}

await tnt.eval('box.space.example_orders:drop()')
await tnt.close()
console.log('ok')

// Writes go to the leader, reads to any instance; a lost instance is left out until it is back.
// Run: npx tsx examples/connector/03-pool.ts tarantool://app:secret@db1:3301 tarantool://app:secret@db2:3301
import assert from 'node:assert/strict'
import { connectPool } from '@tarantella/connector'

const given = process.argv.slice(2)
const instances = given.length > 0 ? given : ['tarantool://app:secret@127.0.0.1:3301']

const pool = await connectPool(instances)
pool.on('role', (name, role) => console.log(`${name} is ${role ?? 'not serving'}`))

await pool.rw.eval(`
  local users = box.schema.space.create('example_pool', { if_not_exists = true })
  users:create_index('pk', { if_not_exists = true })
`)
await pool.rw.replace('example_pool', [1, 'Zoë'])
// Read your own writes from the leader: a replica may be a moment behind.
assert.deepEqual(await pool.rw.get('example_pool', 1), [1, 'Zoë'])
// One that may run twice goes on to another instance even if the connection is lost in the midst of it.
const [version] = await pool.any.eval<[string]>('return _TARANTOOL', [], { idempotent: true })
console.log('some instance runs', version)

// Streams, watchers and prepared statements belong to one instance.
const leader = await pool.client('rw')
await leader.ping()

await pool.rw.eval('box.space.example_pool:drop()')
await pool.close()
await assert.rejects(pool.ping(), { code: 'CONNECTION_CLOSED' })
console.log('ok')

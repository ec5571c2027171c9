// Money moves from one account to another, or not at all.
// Transactions over the network need Tarantool 2.10, started with `memtx_use_mvcc_engine = true`.
// Run: npx tsx examples/connector/01-streams.ts tarantool://app:secret@127.0.0.1:3301
import assert from 'node:assert/strict'
import { connect, ops, TarantellaError } from '@tarantella/connector'

const tnt = await connect(process.argv[2] ?? 'tarantool://app:secret@127.0.0.1:3301')
await tnt.eval(`
  local accounts = box.schema.space.create('example_accounts', { if_not_exists = true })
  accounts:format({ { 'id', 'unsigned' }, { 'balance', 'unsigned' } })
  accounts:create_index('pk', { if_not_exists = true })
`)
await tnt.replace('example_accounts', [1, 100])
await tnt.replace('example_accounts', [2, 0])

async function transfer(from: number, to: number, amount: number): Promise<void> {
  await tnt.begin(async (tx) => {
    await tx.update('example_accounts', to, [ops.add('balance', amount)])
    // An unsigned field cannot go below zero: the update fails, `begin` rolls back and rejects with its error.
    await tx.update('example_accounts', from, [ops.subtract('balance', amount)])
  })
}

try {
  await transfer(1, 2, 60)
  console.log('moved 60')
  await assert.rejects(transfer(1, 2, 60), TarantellaError)
  console.log('did not move 60 more: there were only 40')

  // By hand: a stream is a line of requests that the server executes one after the other.
  const stream = tnt.stream()
  await stream.begin({ isolation: 'read-committed' })
  await stream.replace('example_accounts', [3, 7])
  assert.equal(await tnt.get('example_accounts', 3), undefined)
  await stream.rollback()
  assert.deepEqual(await tnt.select('example_accounts'), [
    [1, 40],
    [2, 60],
  ])
} catch (error) {
  if (!(error instanceof TarantellaError) || error.code !== 'UNSUPPORTED') throw error
  console.log(error.message)
  // Nothing was sent, so nothing has changed.
  assert.deepEqual(await tnt.get('example_accounts', 1), [1, 100])
}

await tnt.eval('box.space.example_accounts:drop()')
await tnt.close()
console.log('ok')

// SQL with values that never become part of the text, and a statement that is parsed once.
// Run: npx tsx examples/connector/04-sql.ts tarantool://app:secret@127.0.0.1:3301
import assert from 'node:assert/strict'
import { connect } from '@tarantella/connector'

const tnt = await connect(process.argv[2] ?? 'tarantool://app:secret@127.0.0.1:3301')
await tnt.execute('DROP TABLE IF EXISTS EXAMPLE_BOOKS')
await tnt.execute('CREATE TABLE EXAMPLE_BOOKS (ID INTEGER PRIMARY KEY AUTOINCREMENT, TITLE STRING, YEAR INTEGER)')

const title = "The Dispossessed'; DROP TABLE EXAMPLE_BOOKS; --"
const inserted = await tnt.sql`INSERT INTO EXAMPLE_BOOKS (TITLE, YEAR) VALUES (${title}, ${1974})`
assert.equal(inserted.rowCount, 1)
console.log('made id', inserted.autoincrementIds[0])

await tnt.execute('INSERT INTO EXAMPLE_BOOKS (TITLE, YEAR) VALUES (:title, :year)', {
  title: 'Roadside Picnic',
  year: 1972,
})

interface Book {
  readonly ID: number
  readonly TITLE: string
}
// By the primary key: Tarantool 3 refuses a scan of the whole table unless the statement asks for it.
// Prepared again by itself after a reconnect, and after a change of the schema.
const since = await tnt.prepare<Book>('SELECT ID, TITLE FROM EXAMPLE_BOOKS WHERE ID >= ? ORDER BY ID')
const { rows, metadata } = await since.execute([1])
console.log(rows.map((book) => book.TITLE))
assert.deepEqual(
  rows.map((book) => book.TITLE),
  [title, 'Roadside Picnic'],
)
assert.deepEqual(
  metadata.map(({ name }) => name),
  ['ID', 'TITLE'],
)
assert.equal((await since.execute([2])).rows.length, 1)

await tnt.execute('DROP TABLE EXAMPLE_BOOKS')
await tnt.close()
console.log('ok')

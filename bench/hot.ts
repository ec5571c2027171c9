import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { connect, ServerError } from '@tarantella/connector'
import { startTarantool } from '../test/helpers/start-tarantool.ts'
import { exitOnSignals } from './harness/exit-on-signals.ts'
import { print } from './harness/report.ts'

// npm run bench -- hot: several processes with 80 workers each on one server and on the same keys, 20 for each of
// insert, select, update and delete. The only error that may come is that of a duplicate key, and what was inserted and
// not deleted is there in the end.

const WORKERS_OF_A_KIND = 20
const KEYS = 20_000
const SCRIPT = `
  local hot = box.schema.space.create('hot', { if_not_exists = true })
  hot:create_index('pk', { if_not_exists = true })
`

/** What one process has done. */
interface Counts {
  readonly operations: number
  readonly inserted: number
  readonly deleted: number
  readonly duplicates: number
}

function option(name: string, value: string): number {
  const count = Number(value)
  if (Number.isInteger(count) && count > 0) return count
  process.stderr.write(`--${name} takes a whole number above 0, not ${JSON.stringify(value)}\n`)
  process.exit(2)
}

async function work(uri: string, operations: number): Promise<Counts> {
  const client = await connect(uri)
  const counts = { operations: 0, inserted: 0, deleted: 0, duplicates: 0 }
  const key = (): number => Math.floor(Math.random() * KEYS)
  const kinds: readonly (() => Promise<unknown>)[] = [
    async () => {
      try {
        await client.insert('hot', [key(), 0, 'x'.repeat(100)])
        counts.inserted += 1
      } catch (error) {
        if (!(error instanceof ServerError) || error.code !== 'ER_TUPLE_FOUND') throw error
        counts.duplicates += 1
      }
    },
    () => client.get('hot', key()),
    () => client.update('hot', key(), [['+', 1, 1]]),
    async () => {
      if ((await client.delete('hot', key())) !== undefined) counts.deleted += 1
    },
  ]
  await Promise.all(
    kinds.flatMap((operation) =>
      Array.from({ length: WORKERS_OF_A_KIND }, async () => {
        for (let i = 0; i < operations; i += 1) {
          await operation()
          counts.operations += 1
        }
      }),
    ),
  )
  await client.close()
  return counts
}

async function inProcess(uri: string, operations: number): Promise<Counts> {
  const child = fork(fileURLToPath(import.meta.url), ['--child', uri, '--operations', String(operations)])
  const exited = once(child, 'exit')
  let counts: Counts | undefined
  child.on('message', (message) => {
    // The only message there is.
    counts = message as Counts
  })
  const [code] = await exited
  if (code !== 0 || counts === undefined) throw new Error(`A process has ended with code ${String(code)}`)
  return counts
}

const { values } = parseArgs({
  options: {
    processes: { type: 'string', default: '4' },
    operations: { type: 'string', default: '2000' },
    child: { type: 'string' },
  },
})
const operations = option('operations', values.operations)
if (values.child !== undefined) {
  process.send?.(await work(values.child, operations))
  process.disconnect()
} else {
  const processes = option('processes', values.processes)
  exitOnSignals()
  const server = await startTarantool({ script: SCRIPT })
  const start = performance.now()
  const all = await Promise.all(Array.from({ length: processes }, () => inProcess(server.uri, operations)))
  const seconds = (performance.now() - start) / 1000
  const client = await connect(server.uri)
  const [left] = await client.call<[number]>('box.space.hot:len')
  await client.close()
  await server[Symbol.asyncDispose]()
  const sum = (field: keyof Counts): number => all.reduce((total, counts) => total + counts[field], 0)
  print(`${processes} processes, ${4 * WORKERS_OF_A_KIND} workers each: ${sum('operations')} operations`)
  print(`${Math.round(sum('operations') / seconds).toLocaleString('en')} a second, the start of the processes included`)
  print(
    `${sum('inserted')} inserted, ${sum('deleted')} deleted, ${sum('duplicates')} refused as duplicates, ${left} left`,
  )
  if (left !== sum('inserted') - sum('deleted')) {
    process.stderr.write(`Expected ${sum('inserted') - sum('deleted')} tuples to be left, got ${left}\n`)
    process.exitCode = 1
  }
}

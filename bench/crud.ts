import { parseArgs } from 'node:util'
import { type Client, connect } from '@tarantella/connector'
import { startTarantool } from '../test/helpers/start-tarantool.ts'
import { exitOnSignals } from './harness/exit-on-signals.ts'
import { print } from './harness/report.ts'

// npm run bench -- crud: what many requests at a time on one connection bring over one after the other, for tuples of
// 1.5 KB. The same was measured for aiotarantool (Python); its seconds for 100 000 tuples stand beside ours.

const IN_FLIGHT = 40
const TUPLE_BYTES = 1536
const SCRIPT = `
  local tuples = box.schema.space.create('tuples', { if_not_exists = true })
  tuples:create_index('pk', { if_not_exists = true })
`
/** Seconds for 100 000 tuples: one at a time, and 40 in flight. An update was not measured there. */
const AIOTARANTOOL: Readonly<Record<string, readonly [number, number]>> = {
  insert: [35.938, 12.701],
  select: [24.39, 12.746],
  delete: [35.225, 13.905],
}

type Operation = (client: Client, id: number) => Promise<unknown>

const text = 'x'.repeat(TUPLE_BYTES - 16)
const OPERATIONS: Readonly<Record<string, Operation>> = {
  insert: (client, id) => client.insert('tuples', [id, 0, text]),
  select: (client, id) => client.get('tuples', id),
  update: (client, id) => client.update('tuples', id, [['+', 1, 1]]),
  delete: (client, id) => client.delete('tuples', id),
}

/** Seconds that `count` operations take, `inFlight` at a time. */
async function run(client: Client, operation: Operation, count: number, inFlight: number): Promise<number> {
  let next = 0
  const start = performance.now()
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      while (next < count) await operation(client, next++)
    }),
  )
  return (performance.now() - start) / 1000
}

/** What stands after each operation, so that a benchmark of nothing is found out. */
async function check(client: Client, name: string, count: number): Promise<void> {
  const [left] = await client.call<[number]>('box.space.tuples:len')
  const last = await client.get<[number, number]>('tuples', count - 1)
  const isRight = name === 'delete' ? left === 0 : left === count && last?.[1] === (name === 'update' ? 1 : 0)
  if (!isRight) throw new Error(`After ${name} there are ${left} tuples, the last one is ${String(last?.slice(0, 2))}`)
}

function countOf(value: string): number {
  const count = Number(value)
  if (Number.isInteger(count) && count > 0) return count
  process.stderr.write(`--tuples takes a whole number above 0, not ${JSON.stringify(value)}\n`)
  process.exit(2)
}

const { values } = parseArgs({ options: { tuples: { type: 'string', default: '100000' } } })
const count = countOf(values.tuples)
exitOnSignals()
const server = await startTarantool({ script: SCRIPT })
const client = await connect(server.uri)
const seconds: Record<string, number[]> = {}
for (const inFlight of [1, IN_FLIGHT]) {
  for (const [name, operation] of Object.entries(OPERATIONS)) {
    seconds[name] = [...(seconds[name] ?? []), await run(client, operation, count, inFlight)]
    await check(client, name, count)
  }
}
await client.close()
await server[Symbol.asyncDispose]()

print(`${count} tuples of ${TUPLE_BYTES} bytes, seconds; aiotarantool's are those of another machine, for 100 000`)
print(['operation', 'one at a time', `${IN_FLIGHT} in flight`, 'ratio', 'aiotarantool'].join('  '))
for (const [name, [alone = 0, together = 0]] of Object.entries(seconds)) {
  const theirs = AIOTARANTOOL[name]
  const beside = theirs === undefined ? '–' : `${theirs[0]} → ${theirs[1]}, ${(theirs[0] / theirs[1]).toFixed(2)}`
  print(
    [
      name.padEnd(9),
      alone.toFixed(3).padStart(13),
      together.toFixed(3).padStart(12),
      (alone / together).toFixed(2).padStart(5),
      beside,
    ].join('  '),
  )
}

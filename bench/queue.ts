import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { connect } from '@tarantella/connector'
import { Queue } from '@tarantella/queue'
import { startTarantool } from '../test/helpers/start-tarantool.ts'
import { type Case, measureInterleaved } from './harness/measure.ts'
import { makeReport, print, printReport, writeReport } from './harness/report.ts'

// npm run bench -- queue [--json FILE] [--rounds N]
// Whole cycles (put, take, ack; each committed to the WAL) through the plain API over one socket.

interface Push {
  readonly user: number
  readonly text: string
  readonly data: { readonly badge: number; readonly silent: boolean }
}

const payload = (user: number): Push => ({ user, text: 'Your horoscope is here', data: { badge: 1, silent: false } })

/** Handlers that may run at a time, and puts under way at a time, in the concurrent case. */
const CONCURRENCY = 256

async function oneByOne(queue: Queue, operations: number): Promise<number> {
  const tube = queue.tube<Push>('one')
  for (let i = 0; i < operations; i += 1) {
    await tube.put(payload(i))
    const task = await tube.take(1)
    if (task === undefined) throw new Error('The task that was just put did not come')
    await task.ack()
  }
  return operations
}

/** Producers that await each put, and a worker, at the same time. */
async function putAndWorker(queue: Queue, operations: number): Promise<number> {
  const tube = queue.tube<Push>('many')
  const worker = tube.work(() => undefined, { concurrency: CONCURRENCY })
  const allDone = new Promise<void>((resolve) => {
    let done = 0
    worker.on('completed', () => {
      done += 1
      if (done === operations) resolve()
    })
  })
  let next = 0
  const producer = async (): Promise<void> => {
    while (next < operations) await tube.put(payload(next++))
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, producer))
  await allDone
  await worker.close()
  return operations
}

const { values } = parseArgs({ options: { json: { type: 'string' }, rounds: { type: 'string', default: '3' } } })
const server = await startTarantool({
  initFile: join(import.meta.dirname, '..', 'tarantool', 'init.lua'),
  env: { TARANTELLA_ADMIN_PASSWORD: 'secret', TARANTELLA_TUBES: 'one:fifottl,many:fifottl' },
})
try {
  const client = await connect(`tarantool://queue_admin:secret@127.0.0.1:${server.port}`)
  const queue = new Queue(client)
  const cases: Case[] = [
    {
      subject: 'tarantella',
      name: 'cycle, one request at a time',
      inFlight: 1,
      operations: 3000,
      run: (n) => oneByOne(queue, n),
    },
    {
      subject: 'tarantella',
      name: 'cycle, plain put and a worker',
      inFlight: CONCURRENCY,
      operations: 60_000,
      run: (n) => putAndWorker(queue, n),
    },
  ]
  const results = await measureInterleaved(cases, Number(values.rounds))
  const report = makeReport({ tarantool: client.server?.version ?? 'unknown' }, results)
  printReport(report)
  const [single, joined] = results
  if (single !== undefined && joined !== undefined) {
    print(`a worker beside plain puts: ${(joined.perSecond / single.perSecond).toFixed(1)} times one request at a time`)
  }
  if (values.json !== undefined) await writeReport(report, values.json)
  await queue.close()
  await client.close()
} finally {
  await server[Symbol.asyncDispose]()
}

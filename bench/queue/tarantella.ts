import { join } from 'node:path'
import { connect } from '@tarantella/connector'
import { Queue, type Tube } from '@tarantella/queue'
import { startTarantool } from '../../test/helpers/start-tarantool.ts'
import { keepInFlight } from '../harness/keep-in-flight.ts'
import { DoneCounter, IN_FLIGHT, type Push, payload, type QueueSubject } from './subject.ts'

const INIT = join(import.meta.dirname, '..', '..', 'tarantool', 'init.lua')
const DURABILITY = 'WAL written at each commit, not flushed (outlives kill -9)'

/** Tasks of one explicit batch, and batches on their way at a time, of puts and of takes. */
const BATCH = 1000
const BATCHES_IN_FLIGHT = 4

/** Both ways to use us, over one connection to one server. */
export interface OpenedTarantella extends AsyncDisposable {
  readonly plain: QueueSubject
  readonly batch: QueueSubject
  /** Cycles of put, take and ack by a single loop: nothing is joined. */
  oneByOne(count: number): Promise<number>
}

export async function openTarantella(): Promise<OpenedTarantella> {
  const server = await startTarantool({
    initFile: INIT,
    env: {
      TARANTELLA_ADMIN_PASSWORD: 'secret',
      TARANTELLA_TUBES: 'one:fifottl,many:fifottl,batch:fifottl,idle:fifottl',
    },
  })
  const client = await connect(`tarantool://queue_admin:secret@127.0.0.1:${server.port}`)
  const queue = new Queue(client)
  const versions = { tarantool: client.server?.version ?? 'unknown' }
  return {
    plain: {
      name: 'tarantella',
      durability: DURABILITY,
      versions,
      inFlight: IN_FLIGHT,
      cycles: (count) => putAndWork(queue.tube('many'), count),
      idle: (onTask) => {
        const tube = queue.tube<Push>('idle')
        const worker = tube.work(onTask)
        return Promise.resolve({
          samples: 300,
          put: () => tube.put(payload(1)),
          [Symbol.asyncDispose]: () => worker.close(),
        })
      },
      // The server goes with the whole.
      [Symbol.asyncDispose]: () => Promise.resolve(),
    },
    batch: {
      name: 'tarantella-batch',
      durability: DURABILITY,
      versions,
      inFlight: BATCHES_IN_FLIGHT,
      cycles: (count) => putAndTakeMany(queue.tube('batch'), count),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    },
    oneByOne: (count) => oneByOne(queue.tube('one'), count),
    async [Symbol.asyncDispose]() {
      await queue.close()
      await client.close()
      await server[Symbol.asyncDispose]()
    },
  }
}

async function oneByOne(tube: Tube<Push>, count: number): Promise<number> {
  for (let i = 0; i < count; i += 1) {
    await tube.put(payload(i))
    const task = await tube.take(1)
    if (task === undefined) throw new Error('The task that was just put did not come')
    await task.ack()
  }
  return count
}

async function putAndWork(tube: Tube<Push>, count: number): Promise<number> {
  const worker = tube.work(() => undefined, { concurrency: IN_FLIGHT })
  const done = new DoneCounter()
  worker.on('completed', () => done.add())
  const allDone = done.expect(count)
  await keepInFlight((i) => tube.put(payload(i)), IN_FLIGHT, count)
  await allDone
  await worker.close()
  return count
}

async function putAndTakeMany(tube: Tube<Push>, count: number): Promise<number> {
  const batches = Math.ceil(count / BATCH)
  const put = (): Promise<unknown> => tube.putMany(Array.from({ length: BATCH }, (_, i) => ({ data: payload(i) })))
  // No more than are put, or the last takes would wait in vain, and a short run would measure that.
  let unasked = batches * BATCH
  const work = async (): Promise<void> => {
    while (unasked > 0) {
      const wanted = Math.min(BATCH, unasked)
      unasked -= wanted
      const tasks = await tube.takeMany(wanted, 10)
      unasked += wanted - tasks.length
      await tube.ackMany(tasks)
    }
  }
  await Promise.all([keepInFlight(put, BATCHES_IN_FLIGHT, batches), ...Array.from({ length: BATCHES_IN_FLIGHT }, work)])
  return batches * BATCH
}

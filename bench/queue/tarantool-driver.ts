import TarantoolConnection from 'tarantool-driver'
import { startTarantool } from '../../test/helpers/start-tarantool.ts'
import { keepInFlight } from '../harness/keep-in-flight.ts'
import { DoneCounter, IN_FLIGHT, payload, type QueueSubject, SubjectMissing } from './subject.ts'

/** Seconds; a take that found nothing is repeated. */
const TAKE_TIMEOUT = 5

const SCRIPT = `
  local path = os.getenv('TARANTOOL_QUEUE_PATH')
  package.path = ('%s/?.lua;%s/?/init.lua;%s'):format(path, path, package.path)
  queue = require('queue')
  for _, name in ipairs({ 'bench', 'idle' }) do
    queue.create_tube(name, 'fifottl', { if_not_exists = true })
  end
`

/** The queue as Node.js services use it today: tarantool/queue's functions, called by tarantool-driver. */
export async function openTarantoolDriver(): Promise<QueueSubject> {
  if ((process.env['TARANTOOL_QUEUE_PATH'] ?? '') === '') {
    throw new SubjectMissing('TARANTOOL_QUEUE_PATH names no copy of tarantool/queue')
  }
  const server = await startTarantool({ script: SCRIPT, cfg: 'net_msg_max = 20000, memtx_memory = 2^30' })
  const open = async (): Promise<TarantoolConnection> => {
    const { port } = server
    const driver = new TarantoolConnection({
      host: '127.0.0.1',
      port,
      username: 'app',
      password: 'secret',
      lazyConnect: true,
    })
    await driver.connect()
    return driver
  }
  const driver = await open()
  const done = new DoneCounter()
  const worker = work(driver, 'bench', IN_FLIGHT, () => undefined, done)
  return {
    name: 'tarantool-driver+queue',
    durability: 'WAL written at each commit, not flushed (outlives kill -9)',
    versions: {},
    inFlight: IN_FLIGHT,
    async cycles(count) {
      const allDone = done.expect(count)
      await keepInFlight((i) => driver.call('queue.tube.bench:put', payload(i)), IN_FLIGHT, count)
      await allDone
      return count
    },
    async idle(onTask) {
      const other = await open()
      const idleWorker = work(other, 'idle', 1, onTask, new DoneCounter())
      return {
        samples: 300,
        put: () => other.call('queue.tube.idle:put', payload(1)),
        [Symbol.asyncDispose]: () => idleWorker.stop(other),
      }
    },
    async [Symbol.asyncDispose]() {
      await worker.stop(driver)
      await server[Symbol.asyncDispose]()
    },
  }
}

/** Loops that take, call the handler and ack, each with one request at a time; they outlive a run, as a worker does. */
function work(
  driver: TarantoolConnection,
  tube: string,
  loops: number,
  onTask: () => void,
  done: DoneCounter,
): { stop(driver: TarantoolConnection): Promise<void> } {
  let isOver = false
  const loop = async (): Promise<void> => {
    while (!isOver) {
      // tarantool-driver's types say nothing about the values: a task is [id, state, data], and [] or [nil] is none.
      const [task] = (await driver.call(`queue.tube.${tube}:take`, TAKE_TIMEOUT)) as [[number | null]?]
      const id = task?.[0]
      if (id === undefined || id === null) continue
      onTask()
      await driver.call(`queue.tube.${tube}:ack`, id)
      done.add()
    }
  }
  // Those that wait when the connection ends are rejected by it, or never settle.
  for (let i = 0; i < loops; i += 1) loop().catch(unlessOver)
  function unlessOver(error: unknown): void {
    if (!isOver) throw error
  }
  return {
    stop: (connection) => {
      isOver = true
      connection.disconnect()
      return Promise.resolve()
    },
  }
}

import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { startQueue } from '../helpers/start-queue.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

test('requirement 31: after close nothing holds the process: no worker, batch, writer, stream of events or waiting take', async () => {
  const server = await startQueue('work:fifottl,batch:fifottl,written:fifottl,left:fifottl')
  const program = `
    import { once } from 'node:events'
    import { batchWriter, Queue } from '@tarantella/queue'

    const queue = await Queue.connect('${server.uriOf('admin')}')
    const tubeOf = (name) => queue.tube(name)
    const stored = []
    const worker = tubeOf('work').work((task, { signal }) => once(signal, 'abort'),
      { ttr: 60, timeoutMs: 60_000, stalledAfterMs: 60_000 })
    const batches = tubeOf('batch').workBatches(() => undefined, { size: 100, maxAgeMs: 60_000, ttr: 60 })
    const writer = batchWriter(tubeOf('written'), (records) => { stored.push(...records) }, { maxAgeMs: 60_000, ttr: 60 })
    const repeated = tubeOf('left').repeat(() => undefined, { every: 60 })
    const paused = tubeOf('left').work(() => undefined)
    await paused.pause()
    const events = (async () => { for await (const event of queue.events()) void event })()
    const loop = (async () => { for await (const task of tubeOf('left')) void task })()
    const taken = tubeOf('left').take().then(() => 'a task', (error) => error.code)
    const held = async () => {
      const { work, batch, written } = await queue.statistics()
      return [work, batch, written].every(({ tasks }) => tasks.taken === 1)
    }
    await Promise.all(['work', 'batch', 'written'].map((name) => tubeOf(name).put(name)))
    while (!(await held()));
    await queue.close({ graceMs: 0 })
    await Promise.all([worker.finished, batches.finished, writer.worker.finished, repeated.finished, paused.finished])
    await Promise.all([events, loop])
    console.log(await taken, stored.length)
  `
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    ['--unhandled-rejections=strict', '--input-type=module', '-e', program],
    // A process that something holds is killed, and the test fails.
    { cwd: ROOT, timeout: 30_000 },
  )
  expect({ stdout, stderr }).toEqual({ stdout: 'QUEUE_CLOSED 1\n', stderr: '' })
})

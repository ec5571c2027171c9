import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { Queue } from '@tarantella/queue'
import { readSettings } from './settings.mjs'
import { stopSignal } from './stop-signal.mjs'

// Takes tasks until it is asked to stop, then finishes the ones it holds: replace `handle` by your work.

/** @typedef {{ number: number, workMs: number }} Job */

/**
 * @param {import('@tarantella/queue').Task<Job>} task
 * @param {{ signal: AbortSignal }} context
 */
async function handle(task, { signal }) {
  await sleep(task.data.workMs, undefined, { signal })
  console.log(`done: ${task.data.number}`)
}

const stop = stopSignal()
const { server, tube } = readSettings()
const queue = await Queue.connect(server)
/** @type {import('@tarantella/queue').Tube<Job>} */
const jobs = queue.tube(tube)
const worker = jobs.work(handle, { concurrency: 16, retry: { attempts: 5, backoff: 'exponential' } })
console.log(`worker: taking from ${tube}`)

if (!stop.aborted) await once(stop, 'abort')
console.log('worker: stopping')
await worker.close({ graceMs: 10_000 })
await queue.close()

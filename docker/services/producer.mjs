import { setTimeout as sleep } from 'node:timers/promises'
import { Queue } from '@tarantella/queue'
import { readSettings } from './settings.mjs'
import { stopSignal } from './stop-signal.mjs'

// Puts a task every second until it is asked to stop.

const INTERVAL_MS = Number(process.env.PRODUCER_INTERVAL_MS || 1000)

const stop = stopSignal()
const { server, tube: name } = readSettings()
const queue = await Queue.connect(server)
const tube = queue.tube(name)
console.log(`producer: putting into ${name}`)

for (let number = 1; !stop.aborted; number += 1) {
  try {
    const { id } = await tube.put({ number, workMs: 20 })
    console.log(`put: ${number} as task ${id}`)
  } catch (error) {
    // The connection comes back by itself; a task that may have been stored is not put twice.
    console.error(`not put: ${number}: ${error instanceof Error ? error.message : error}`)
  }
  await sleep(INTERVAL_MS, undefined, { signal: stop }).catch(() => {
    // Asked to stop while waiting: the loop's condition sees it.
  })
}
console.log('producer: stopping')
await queue.close()

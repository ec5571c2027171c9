import { setTimeout as sleep } from 'node:timers/promises'
import { median } from '../harness/measure.ts'
import type { Figure } from '../harness/report.ts'
import type { QueueSubject } from './subject.ts'

/** Long enough for the worker to wait for the next task again. */
const PAUSE_MS = 5

/** The median of the time from a put to its handler, on a queue where nothing else goes on. */
export async function measureIdle(subject: QueueSubject): Promise<Figure | undefined> {
  let onTask = (): void => undefined
  const queue = await subject.idle?.(() => onTask())
  if (queue === undefined) return undefined
  const times: number[] = []
  for (let i = 0; i < queue.samples; i += 1) {
    await sleep(PAUSE_MS)
    const start = performance.now()
    const handled = new Promise<void>((resolve) => {
      onTask = () => {
        times.push(performance.now() - start)
        resolve()
      }
    })
    await Promise.all([queue.put(), handled])
  }
  await queue[Symbol.asyncDispose]()
  return { subject: subject.name, case: 'put to handler on an idle queue', value: median(times), unit: 'ms' }
}

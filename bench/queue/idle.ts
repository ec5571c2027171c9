import { setTimeout as sleep } from 'node:timers/promises'
import type { Figure } from '../harness/report.ts'
import type { QueueSubject } from './subject.ts'

/** The case, as reports name it. */
export const IDLE = 'put to handler on an idle queue'
/** Long enough for the worker to wait for the next task again. */
const PAUSE_MS = 5

/** Fewer waits say nothing about the slowest hundredth. */
const SAMPLES_FOR_PERCENTILES = 100

/**
 * The time from a put to its handler, on a queue where nothing else goes on: its median first, then the 90th and the
 * 99th percentile where there are enough waits to tell. Nothing for a subject without such a measurement.
 */
export async function measureIdle(subject: QueueSubject): Promise<Figure[]> {
  let onTask = (): void => undefined
  const queue = await subject.idle?.(() => onTask())
  if (queue === undefined) return []
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
  times.sort((a, b) => a - b)
  const figure = (percent: number, name: string): Figure => {
    // At least one wait is measured, and the index stays below their number.
    const value = times[Math.floor((times.length * percent) / 100)]!
    return { subject: subject.name, case: name, value, unit: 'ms' }
  }
  const rest = times.length < SAMPLES_FOR_PERCENTILES ? [] : [90, 99]
  return [figure(50, IDLE), ...rest.map((percent) => figure(percent, `${IDLE}, ${percent} %`))]
}

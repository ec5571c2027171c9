import type { Result } from './report.ts'

/** Something to measure: `run` does at least `operations` operations and says how many it did. */
export interface Case {
  readonly subject: string
  readonly name: string
  readonly inFlight: number
  readonly operations: number
  readonly run: (operations: number) => Promise<number>
}

interface Sample {
  readonly perSecond: number
  readonly cpuUsPerOp: number
}

/**
 * Runs all cases one after another, `rounds` times, so that a slow spell of a shared machine hits
 * all of them, and gives the median of each. A tenth of each case's operations goes before, uncounted.
 */
export async function measureInterleaved(cases: readonly Case[], rounds: number): Promise<Result[]> {
  const samples = cases.map((): Sample[] => [])
  for (const { operations, run } of cases) await run(Math.ceil(operations / 10))
  for (let round = 0; round < rounds; round += 1) {
    for (const [i, each] of cases.entries()) samples[i]?.push(await measure(each))
  }
  return cases.map(({ subject, name, inFlight }, i) => {
    const own = samples[i] ?? []
    return {
      subject,
      case: name,
      inFlight,
      perSecond: median(own.map((sample) => sample.perSecond)),
      cpuUsPerOp: median(own.map((sample) => sample.cpuUsPerOp)),
    }
  })
}

async function measure({ operations, run }: Case): Promise<Sample> {
  const cpu = process.cpuUsage()
  const start = performance.now()
  const done = await run(operations)
  const seconds = (performance.now() - start) / 1000
  const { user, system } = process.cpuUsage(cpu)
  return { perSecond: done / seconds, cpuUsPerOp: (user + system) / done }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted[Math.floor(sorted.length / 2)]
  if (middle === undefined) throw new RangeError('Expected at least one value')
  return middle
}

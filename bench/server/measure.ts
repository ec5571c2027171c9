import { median } from '../harness/measure.ts'
import type { Result } from '../harness/report.ts'

/** What one run says of itself: the clock stands while it prepares. */
export interface Timing {
  readonly operations: number
  readonly seconds: number
  readonly cpuSeconds: number
}

export interface ServerCase {
  readonly subject: string
  readonly name: string
  readonly inFlight: number
  readonly run: () => Promise<Timing>
}

/** All cases one after another, `rounds` times, after a first time that does not count; medians. */
export async function measureRounds(cases: readonly ServerCase[], rounds: number): Promise<Result[]> {
  const samples = cases.map((): Timing[] => [])
  for (let round = 0; round <= rounds; round += 1) {
    for (const [i, each] of cases.entries()) {
      const timing = await each.run()
      if (round > 0) samples[i]?.push(timing)
    }
  }
  return cases.map(({ subject, name, inFlight }, i) => {
    const own = samples[i] ?? []
    return {
      subject,
      case: name,
      inFlight,
      perSecond: median(own.map((t) => t.operations / t.seconds)),
      cpuUsPerOp: median(own.map((t) => (t.cpuSeconds * 1e6) / t.operations)),
    }
  })
}

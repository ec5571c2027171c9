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
  /** Runs of one round. */
  readonly times: number
  readonly run: () => Promise<Timing>
}

/** One round as indexes of cases: neighbours that run the same number of times take turns. */
function orderOf(cases: readonly ServerCase[]): number[] {
  const order: number[] = []
  let from = 0
  while (from < cases.length) {
    const times = cases[from]?.times ?? 1
    let to = from
    while (cases[to]?.times === times) to += 1
    for (let turn = 0; turn < times; turn += 1) for (let i = from; i < to; i += 1) order.push(i)
    from = to
  }
  return order
}

/** All cases, `rounds` times, after a first time that does not count; medians. */
export async function measureRounds(cases: readonly ServerCase[], rounds: number): Promise<Result[]> {
  const samples = cases.map((): Timing[] => [])
  const order = orderOf(cases)
  for (let round = 0; round <= rounds; round += 1) {
    for (const i of order) {
      const timing = await cases[i]?.run()
      if (round > 0 && timing !== undefined) samples[i]?.push(timing)
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

import { print, type Result } from '../harness/report.ts'

interface Goal {
  readonly operation: string
  readonly against: string
  /** How many times as fast as that, at least. */
  readonly times: number
}

/** The ratios that the connector is made for, with as many requests in flight as were measured at most. */
const GOALS: readonly Goal[] = [
  { operation: 'select', against: 'tarantool-driver', times: 7 },
  { operation: 'call', against: 'tarantool-driver', times: 4.5 },
  { operation: 'replace', against: 'tarantool-driver', times: 4.5 },
  { operation: 'replace', against: 'replay', times: 0.85 },
  { operation: 'call', against: 'replay', times: 0.7 },
  { operation: 'select', against: 'replay', times: 0.6 },
]

/** Prints what became of the goals; whether they are met depends on the machine too, so nothing is asserted. */
export function printGoals(results: readonly Result[]): void {
  const most = Math.max(...results.map(({ inFlight }) => inFlight))
  const speedOf = (subject: string, operation: string): number | undefined =>
    results.find((r) => r.subject === subject && r.case === operation && r.inFlight === most)?.perSecond
  for (const { operation, against, times } of GOALS) {
    const ours = speedOf('tarantella', operation)
    const theirs = speedOf(against, operation)
    if (ours === undefined || theirs === undefined) continue
    const ratio = ours / theirs
    const verdict = ratio >= times ? 'met' : 'missed'
    print(`${operation}, ${most} in flight: ${ratio.toFixed(2)} times ${against} (goal ${times}: ${verdict})`)
  }
}

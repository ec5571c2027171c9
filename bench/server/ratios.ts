import { print, type Result } from '../harness/report.ts'

interface Goal {
  readonly text: string
  readonly ours: string
  readonly against: readonly [subject: string, name: string]
  /** At least this many times as fast. */
  readonly times: number
}

const GOALS: readonly Goal[] = [
  { text: 'cycle against tarantool-queue', ours: 'cycle', against: ['tarantool-queue', 'cycle'], times: 4 },
  { text: 'batch against cycle of tarantool-queue', ours: 'batch', against: ['tarantool-queue', 'cycle'], times: 8 },
  {
    text: 'take behind a busy lane against none',
    ours: 'take_lane',
    against: ['tarantella', 'take_empty'],
    times: 1 / 3,
  },
  {
    text: 'take behind busy lanes against none',
    ours: 'take_lanes',
    against: ['tarantella', 'take_empty'],
    times: 1 / 3,
  },
  {
    text: 'take behind expired against none',
    ours: 'take_expired',
    against: ['tarantella', 'take_empty'],
    times: 1 / 3,
  },
]

/** Prints the ratios, by wall clock and by CPU time; whether a goal is met depends on the machine too. */
export function printRatios(results: readonly Result[]): void {
  const find = (subject: string, name: string): Result | undefined =>
    results.find((r) => r.subject === subject && r.case === name)
  for (const { text, ours, against, times } of GOALS) {
    const [a, b] = [find('tarantella', ours), find(...against)]
    if (a === undefined || b === undefined) continue
    const ratio = a.perSecond / b.perSecond
    const verdict = ratio >= times ? 'met' : 'missed'
    print(
      `${text}: ${ratio.toFixed(2)} times (by CPU ${(b.cpuUsPerOp / a.cpuUsPerOp).toFixed(2)}; goal ${times.toFixed(2)}: ${verdict})`,
    )
  }
}

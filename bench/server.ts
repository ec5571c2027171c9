import { exitOnSignals } from './harness/exit-on-signals.ts'
import { type BenchOptions, isWanted, readOptions } from './harness/options.ts'
import { type Figure, makeReport, print, printReport, type Result, writeReport } from './harness/report.ts'
import { measureRounds, type ServerCase } from './server/measure.ts'
import { printRatios } from './server/ratios.ts'
import { overSocket } from './server/socket.ts'
import { measureStart, type OpenedSubject, openSubject } from './server/subject.ts'

/** A case inside of the server. CPU time is the tx thread's. */
interface InsideCase {
  readonly name: string
  /** Of one run. */
  readonly operations: number
  readonly inFlight: number
  /** Subjects that have it; all unless given. */
  readonly only?: readonly string[]
  /** Runs of one round; 1 unless given. */
  readonly times?: number
}

const INSIDE: readonly InsideCase[] = [
  // These are compared, and a run lasts for a fifth of a second: single ones swing by a third.
  { name: 'cycle', operations: 20_000, inFlight: 50, times: 5 },
  { name: 'batch', operations: 60_000, inFlight: 10, only: ['tarantella', 'limit'], times: 5 },
  { name: 'put_real', operations: 20_000, inFlight: 10 },
  { name: 'cycle_capacity', operations: 20_000, inFlight: 50, only: ['tarantella'] },
  { name: 'cycle_rate', operations: 20_000, inFlight: 50, only: ['tarantella'] },
  { name: 'cycle_aging', operations: 20_000, inFlight: 50, only: ['tarantella'] },
  { name: 'cycle_any', operations: 20_000, inFlight: 50, only: ['tarantella'] },
  { name: 'cycle_events', operations: 20_000, inFlight: 50, only: ['tarantella'] },
  { name: 'cycle_failure', operations: 20_000, inFlight: 50, only: ['tarantella'] },
  { name: 'cycle_dedup', operations: 20_000, inFlight: 50, only: ['tarantella'] },
  { name: 'cycle_results', operations: 20_000, inFlight: 50, only: ['tarantella'] },
  { name: 'cycle_flows', operations: 10_000, inFlight: 50, only: ['tarantella'] },
  { name: 'publish', operations: 20_000, inFlight: 10, only: ['tarantella'] },
  { name: 'schedules', operations: 5000, inFlight: 1, only: ['tarantella'] },
  { name: 'empty_take', operations: 100_000, inFlight: 1 },
  { name: 'statistics', operations: 300, inFlight: 1, only: ['tarantella', 'tarantool-queue'] },
  { name: 'take_empty', operations: 1000, inFlight: 1, only: ['tarantella', 'tarantool-queue'] },
  { name: 'take_lane', operations: 1000, inFlight: 1, only: ['tarantella'] },
  { name: 'take_lane_1000', operations: 1000, inFlight: 1, only: ['tarantella'] },
  { name: 'take_lane_10000', operations: 1000, inFlight: 1, only: ['tarantella'] },
  { name: 'take_lanes', operations: 1000, inFlight: 1, only: ['tarantella'] },
  { name: 'take_expired', operations: 1000, inFlight: 1, only: ['tarantella'] },
  { name: 'take_limited', operations: 1000, inFlight: 1, only: ['tarantella'] },
  // A take of tarantool/queue looks at every one of them.
  { name: 'take_lane_1000', operations: 300, inFlight: 1, only: ['tarantool-queue'] },
  { name: 'take_lane_10000', operations: 30, inFlight: 1, only: ['tarantool-queue'] },
  { name: 'take_lane', operations: 3, inFlight: 1, only: ['tarantool-queue'] },
  { name: 'take_lanes', operations: 3, inFlight: 1, only: ['tarantool-queue'] },
  { name: 'take_expired', operations: 3, inFlight: 1, only: ['tarantool-queue'] },
]
const SOCKET = ['socket', 'socket_batch'] as const
const START = 'start'
const SUBJECTS = ['tarantella', 'tarantool-queue', 'limit']
const IN_FLIGHT = 256
const BATCHES_IN_FLIGHT = 8

function insideOf(subject: OpenedSubject, wanted: readonly string[]): ServerCase[] {
  return INSIDE.filter(({ name, only }) => isWanted(wanted, name) && (only?.includes(subject.name) ?? true)).map(
    ({ name, operations, inFlight, times = 1 }) => ({
      subject: subject.name,
      name,
      inFlight,
      times,
      run: () => subject.run(name, operations),
    }),
  )
}

function socketOf({ name: subject, client }: OpenedSubject, wanted: readonly string[]): ServerCase[] {
  const kind = subject === 'limit' ? 'raw' : 'single'
  const cases: ServerCase[] = []
  if (isWanted(wanted, 'socket')) {
    const run = () => overSocket(client, kind, 10_000, IN_FLIGHT)
    cases.push({ subject, name: 'socket', inFlight: IN_FLIGHT, times: 1, run })
  }
  if (isWanted(wanted, 'socket_batch') && subject === 'tarantella') {
    const run = () => overSocket(client, 'batch', 40_000, BATCHES_IN_FLIGHT)
    cases.push({ subject, name: 'socket_batch', inFlight: BATCHES_IN_FLIGHT, times: 1, run })
  }
  return cases
}

/** Subjects take turns at each case, so that they meet the machine in the same state. */
async function measureRates(subjects: readonly OpenedSubject[], options: BenchOptions): Promise<Result[]> {
  // Before the first of them, so that the tubes that a socket uses are there.
  for (const subject of subjects) {
    await subject.run('cycle', 50)
    if (subject.name === 'tarantella') await subject.run('batch', 1000)
  }
  const all = subjects.flatMap((subject) => [...insideOf(subject, options.cases), ...socketOf(subject, options.cases)])
  const order = [...INSIDE.map(({ name }) => name), ...SOCKET]
  all.sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name))
  return measureRounds(all, options.rounds)
}

async function measureStarts(names: readonly string[]): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const subject of names) {
    const { seconds, gapSeconds, bytesPerTask } = await measureStart(subject)
    figures.push(
      { subject, case: 'start with 1 000 000 tasks: first take', value: seconds * 1000, unit: 'ms' },
      { subject, case: 'start with 1 000 000 tasks: longest gap', value: gapSeconds * 1000, unit: 'ms' },
      { subject, case: 'memory beyond rows and indexes', value: bytesPerTask, unit: 'bytes per task' },
    )
  }
  return figures
}

const options = readOptions({
  about: 'npm run bench -- server [options]: the queue server from inside and over a socket',
  cases: [...new Set(INSIDE.map(({ name }) => name)), ...SOCKET, START],
  subjects: SUBJECTS,
  inFlight: [],
  sampleMs: 400,
})
const hasPeer = (process.env['TARANTOOL_QUEUE_PATH'] ?? '') !== ''
const leftOut = hasPeer ? [] : ['tarantool-queue is left out: TARANTOOL_QUEUE_PATH names no copy of tarantool/queue']
for (const line of leftOut) print(line)
const names = SUBJECTS.filter((name) => isWanted(options.subjects, name) && (hasPeer || name !== 'tarantool-queue'))
const subjects: OpenedSubject[] = []
exitOnSignals()
try {
  for (const name of names) subjects.push(await openSubject(name))
  const results = await measureRates(subjects, options)
  const version = subjects[0]?.client.server?.version ?? 'unknown'
  const figures = isWanted(options.cases, START) ? await measureStarts(names.filter((name) => name !== 'limit')) : []
  const report = { ...makeReport({ tarantool: version }, results), figures, leftOut }
  printReport(report)
  printRatios(results)
  if (options.json !== undefined) await writeReport(report, options.json)
} finally {
  for (const subject of subjects) await subject[Symbol.asyncDispose]()
}

import { startTarantool } from '../test/helpers/start-tarantool.ts'
import { printGoals } from './connector/goals.ts'
import { OPERATIONS, SERVER_SCRIPT } from './connector/operations.ts'
import { openReplay } from './connector/replay.ts'
import type { Subject } from './connector/subject.ts'
import { openTarantella } from './connector/tarantella.ts'
import { openTarantoolDriver } from './connector/tarantool-driver.ts'
import { calibrate } from './harness/calibrate.ts'
import { exitOnSignals } from './harness/exit-on-signals.ts'
import { type Case, measureInterleaved } from './harness/measure.ts'
import { type BenchOptions, isWanted, readOptions } from './harness/options.ts'
import { pinnedVersions } from './harness/pinned.ts'
import { makeReport, printReport, writeReport } from './harness/report.ts'

const SUBJECTS = { 'tarantool-driver': openTarantoolDriver, replay: openReplay }

/** In one round the subjects take turns at each case, so that they meet the machine in the same state. */
function casesOf(subjects: readonly Subject[], options: BenchOptions): Omit<Case, 'operations'>[] {
  const operations = OPERATIONS.filter((operation) => isWanted(options.cases, operation))
  return operations.flatMap((operation) =>
    options.inFlight.flatMap((inFlight) =>
      subjects.map((subject) => ({
        subject: subject.name,
        name: operation,
        inFlight,
        run: async (requests: number) => {
          await subject.run(operation, inFlight, requests)
          return requests
        },
      })),
    ),
  )
}

const options = readOptions({
  about: 'npm run bench -- connector [options]: requests per second and client CPU per request, on one server',
  cases: OPERATIONS,
  subjects: ['tarantella', ...Object.keys(SUBJECTS)],
  inFlight: [1, 40, 500],
  sampleMs: 400,
})
exitOnSignals()
const server = await startTarantool({ script: SERVER_SCRIPT })
try {
  const tarantella = await openTarantella(server.port)
  const peers = await Promise.all(
    Object.entries(SUBJECTS)
      .filter(([name]) => isWanted(options.subjects, name))
      .map(([, open]) => open(server.port)),
  )
  const subjects = isWanted(options.subjects, 'tarantella') ? [tarantella, ...peers] : peers
  for (const subject of subjects) await subject.verify()
  const cases = await calibrate(casesOf(subjects, options), options.sampleMs)
  const results = await measureInterleaved(cases, options.rounds)

  const versions = { tarantool: tarantella.serverVersion, ...pinnedVersions(['tarantool-driver']) }
  const report = makeReport(versions, results)
  printReport(report)
  printGoals(results)
  if (options.json !== undefined) await writeReport(report, options.json)
  for (const subject of [tarantella, ...peers]) await subject[Symbol.asyncDispose]()
} finally {
  await server[Symbol.asyncDispose]()
}

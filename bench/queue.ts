import { calibrate } from './harness/calibrate.ts'
import { exitOnSignals } from './harness/exit-on-signals.ts'
import { type Case, measureInterleaved } from './harness/measure.ts'
import { isWanted, readOptions } from './harness/options.ts'
import { pinnedVersions } from './harness/pinned.ts'
import { type Figure, makeReport, print, printReport, writeReport } from './harness/report.ts'
import { openBullmq } from './queue/bullmq.ts'
import { printGoals } from './queue/goals.ts'
import { measureIdle } from './queue/idle.ts'
import { openPgBoss } from './queue/pg-boss.ts'
import { type QueueSubject, SubjectMissing } from './queue/subject.ts'
import { openTarantella } from './queue/tarantella.ts'
import { openTarantoolDriver } from './queue/tarantool-driver.ts'

const PEERS = {
  'tarantool-driver+queue': openTarantoolDriver,
  bullmq: () => openBullmq('bullmq'),
  'bullmq-bulk': () => openBullmq('bullmq-bulk'),
  'bullmq-memory': () => openBullmq('bullmq-memory'),
  'pg-boss': openPgBoss,
}

/** Those that are wanted and can run here; it says which cannot, and why. */
async function openPeers(wanted: readonly string[]): Promise<{ peers: QueueSubject[]; leftOut: string[] }> {
  const peers: QueueSubject[] = []
  const leftOut: string[] = []
  for (const [name, open] of Object.entries(PEERS)) {
    if (!isWanted(wanted, name)) continue
    try {
      peers.push(await open())
    } catch (error) {
      if (!(error instanceof SubjectMissing)) throw error
      leftOut.push(`${name} is left out: ${error.message}`)
    }
  }
  for (const line of leftOut) print(line)
  return { peers, leftOut }
}

const options = readOptions({
  about: 'npm run bench -- queue [options]: whole cycles of put, take and ack, each server on this machine',
  cases: ['cycle', 'one by one', 'idle'],
  subjects: ['tarantella', 'tarantella-batch', ...Object.keys(PEERS)],
  inFlight: [],
  sampleMs: 2000,
})
exitOnSignals()
const tarantella = await openTarantella()
const ours = [tarantella.plain, tarantella.batch].filter(({ name }) => isWanted(options.subjects, name))
const { peers, leftOut } = await openPeers(options.subjects)
const subjects = [...ours, ...peers]
try {
  const cases: Omit<Case, 'operations'>[] = isWanted(options.cases, 'cycle')
    ? subjects.map(({ name: subject, inFlight, cycles }) => ({ subject, name: 'cycle', inFlight, run: cycles }))
    : []
  if (isWanted(options.cases, 'one by one') && isWanted(options.subjects, 'tarantella')) {
    cases.push({ subject: 'tarantella', name: 'one by one', inFlight: 1, run: tarantella.oneByOne })
  }
  const results = await measureInterleaved(await calibrate(cases, options.sampleMs), options.rounds)
  const figures: Figure[] = []
  if (isWanted(options.cases, 'idle')) {
    for (const subject of subjects) {
      figures.push(...(await measureIdle(subject)))
    }
  }
  const versions = Object.assign(
    pinnedVersions(['tarantool-driver', 'bullmq', 'pg-boss']),
    ...subjects.map((subject) => subject.versions),
  )
  const durability = Object.fromEntries(subjects.map(({ name, durability: text }) => [name, text]))
  const report = { ...makeReport(versions, results), figures, durability, leftOut }
  printReport(report)
  for (const [name, text] of Object.entries(durability)) print(`${name}: ${text}`)
  printGoals(results, figures)
  if (options.json !== undefined) await writeReport(report, options.json)
} finally {
  for (const subject of subjects) await subject[Symbol.asyncDispose]()
  await tarantella[Symbol.asyncDispose]()
}

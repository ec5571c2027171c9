import { casesOf, whyNot } from './codec/cases.ts'
import { CODEC_NAMES, CODECS } from './codec/codecs.ts'
import { SHAPES } from './codec/shapes.ts'
import { calibrate } from './harness/calibrate.ts'
import { type Case, measureInterleaved } from './harness/measure.ts'
import { isWanted, readOptions } from './harness/options.ts'
import { pinnedVersions } from './harness/pinned.ts'
import { makeReport, print, printReport, type Result, writeReport } from './harness/report.ts'

const OURS = 'tarantella'

/** Prints for each case how ours stands to the best of the others, by CPU time: a codec does nothing but compute. */
function printRatios(results: readonly Result[]): void {
  for (const ours of results.filter(({ subject }) => subject === OURS)) {
    const [best] = results
      .filter((other) => other.case === ours.case && other.subject !== OURS)
      .sort((a, b) => a.cpuUsPerOp - b.cpuUsPerOp)
    if (best === undefined) continue
    print(
      `${ours.case}: ${(best.cpuUsPerOp / ours.cpuUsPerOp).toFixed(2)} times as fast as ${best.subject}, the next best`,
    )
  }
}

const options = readOptions({
  about: 'npm run bench -- codec [options]: encoding and decoding of tasks and rows beside other MessagePack codecs',
  cases: SHAPES.map(({ name }) => name),
  subjects: CODEC_NAMES,
  inFlight: [],
  sampleMs: 120,
})
const cases: Omit<Case, 'operations'>[] = []
const leftOut: string[] = []
for (const shape of SHAPES.filter(({ name }) => isWanted(options.cases, name))) {
  for (const make of CODECS) {
    const codec = make(shape.isWide)
    if (!isWanted(options.subjects, codec.name)) continue
    const reason = whyNot(codec, shape)
    if (reason === undefined) cases.push(...casesOf(codec, shape))
    else leftOut.push(`${codec.name} is left out of ${shape.name}: ${reason}`)
  }
}
for (const line of leftOut) print(line)
const results = await measureInterleaved(await calibrate(cases, options.sampleMs), options.rounds)

const peers = CODEC_NAMES.filter((name) => name !== OURS)
const report = { ...makeReport(pinnedVersions(peers), results), leftOut }
printReport(report)
printRatios(results)
if (options.json !== undefined) await writeReport(report, options.json)

import { cp } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { print } from './harness/report.ts'
import { runBenches } from './render/run-benches.ts'
import { writeReportOf } from './render/write-report.ts'

const HELP = `npm run bench -- all [options]: all benchmarks one after the other, and a report with plots of what they measured

  --quick        a short run, under 3 minutes: shows that it works, its figures say little
  --from FOLDER  measures nothing: renders again what a run left in the data folder of its report
  --out FOLDER   where the report goes, with the run's files in data/ (default bench/report)`

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    from: { type: 'string' },
    out: { type: 'string', default: join(import.meta.dirname, 'report') },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  print(HELP)
  process.exit(0)
}
const folder = resolve(values.out)
const data = join(folder, 'data')
if (values.from === undefined) await runBenches(data, values.quick)
else if (resolve(values.from) !== data) await cp(values.from, data, { recursive: true })
const { info } = await writeReportOf(data, folder)
print(`\nThe report: ${join(folder, 'README.md')}`)
if (info.benches.some(({ exitCode }) => exitCode !== 0)) process.exitCode = 1

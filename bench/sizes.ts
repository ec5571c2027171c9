import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { findTarantool } from '../test/helpers/start-tarantool.ts'
import { readOptions } from './harness/options.ts'
import { type Figure, makeReport, printReport, writeReport } from './harness/report.ts'

const SCRIPT = join(import.meta.dirname, 'server', 'sizes.lua')
const TIMEOUT_MS = 300_000

/** The columns behind the payload's size in a row of sizes.lua. */
const COLUMNS = ['memory', 'log, put', 'log, ack', 'log, put in 100', 'log, ack in 100']

const options = readOptions({
  about:
    'npm run bench -- sizes [--json FILE]: bytes of memory and of log that a task costs; it takes no time into account',
  cases: [],
  subjects: [],
  inFlight: [],
  sampleMs: 1,
})
const binary = findTarantool()
if (binary === undefined) throw new Error('No Tarantool found: set TARANTOOL_BIN or put `tarantool` on PATH')
const run = promisify(execFile)
const { stdout: version } = await run(binary, ['--version'])
const { stdout } = await run(binary, [SCRIPT, 'json'], { timeout: TIMEOUT_MS })
// The script prints nothing else.
const rows = JSON.parse(stdout) as readonly (readonly number[])[]
const figures = rows.flatMap(([payload = 0, ...values]) =>
  COLUMNS.map(
    (column, i): Figure => ({
      subject: 'tarantella',
      case: `${column}, payload of ${payload} bytes`,
      value: values[i] ?? Number.NaN,
      unit: 'bytes per task',
    }),
  ),
)
const report = { ...makeReport({ tarantool: /\d+\.\d+\.\d+/.exec(version)?.[0] ?? 'unknown' }, []), figures }
printReport(report)
if (options.json !== undefined) await writeReport(report, options.json)

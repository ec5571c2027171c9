import { spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { print } from '../harness/report.ts'
import { BENCHES, type BenchName, type BenchRun, type RunInfo } from './run-data.ts'

const ROOT = join(import.meta.dirname, '..', '..')

/** Beyond that a benchmark hangs. */
const TIMEOUT_MS = 45 * 60_000

const SIGNALS = ['SIGINT', 'SIGTERM'] as const

/** Options by which a benchmark shows that it works, in little time. */
const QUICK: Readonly<Record<BenchName, readonly string[]>> = {
  connector: ['--rounds', '1', '--sample-ms', '60'],
  codec: ['--rounds', '1', '--sample-ms', '20'],
  queue: ['--rounds', '1', '--sample-ms', '400'],
  server: [
    ...['--rounds', '1', '--case'],
    'cycle,batch,socket,socket_batch,take_empty,take_lane_1000,take_lane_10000,take_lane,take_lanes',
  ],
  sizes: [],
}

/**
 * Runs all benchmarks, each in a process of its own, one after the other, and leaves in `folder` what `readRun` reads.
 * One that fails does not keep the next from running; a signal ends the one that runs, and throws.
 */
export async function runBenches(folder: string, isQuick: boolean): Promise<RunInfo> {
  await mkdir(folder, { recursive: true })
  const startedAt = new Date().toISOString()
  const loadBefore = Math.round((loadavg()[0] ?? 0) * 100) / 100
  const benches: BenchRun[] = []
  for (const name of BENCHES) {
    const options = isQuick ? QUICK[name] : []
    const command = ['npm run bench --', name, ...options].join(' ')
    print(`\n# ${command}`)
    const start = performance.now()
    const exitCode = await runBench(name, options, folder)
    const seconds = Math.round((performance.now() - start) / 1000)
    print(exitCode === 0 ? `${name}: done in ${seconds} s` : `${name}: failed with exit code ${exitCode}`)
    benches.push({ name, command, seconds, exitCode })
  }
  const info: RunInfo = { startedAt, isQuick, loadBefore, benches }
  await writeFile(join(folder, 'run.json'), `${JSON.stringify(info, null, 2)}\n`)
  return info
}

/** Gives the exit code; 1 for a benchmark that took too long. */
async function runBench(name: BenchName, options: readonly string[], folder: string): Promise<number> {
  const json = join(folder, `${name}.json`)
  // An older run's figures must not pass for those of this one.
  await rm(json, { force: true })
  // The same Node.js with the same loader as this process.
  const args = [...process.execArgv, join(ROOT, 'bench', `${name}.ts`), ...options, '--json', json]
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'], timeout: TIMEOUT_MS })
  let endedBy: NodeJS.Signals | undefined
  const end = (signal: NodeJS.Signals): void => {
    endedBy = signal
    child.kill(signal)
  }
  for (const signal of SIGNALS) process.on(signal, end)
  try {
    const copy = createWriteStream(join(folder, `${name}.txt`))
    child.stdout.pipe(copy)
    child.stdout.pipe(process.stdout, { end: false })
    const code = await new Promise<number>((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (exitCode) => resolve(exitCode ?? 1))
    })
    await finished(copy)
    if (endedBy !== undefined) throw new Error(`${name} was ended by ${endedBy}: there is no report`)
    return code
  } finally {
    for (const signal of SIGNALS) process.off(signal, end)
  }
}

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Report } from '../harness/report.ts'

/** The benchmarks of the report, in its order. */
export const BENCHES = ['connector', 'codec', 'queue', 'server', 'sizes'] as const
export type BenchName = (typeof BENCHES)[number]

/** How one benchmark went. */
export interface BenchRun {
  readonly name: BenchName
  /** What to type to repeat it. */
  readonly command: string
  readonly seconds: number
  /** 0 if it came to its end. */
  readonly exitCode: number
}

/** `run.json` in the folder of a run, beside `NAME.json` and `NAME.txt` of each benchmark. */
export interface RunInfo {
  /** ISO 8601, UTC. */
  readonly startedAt: string
  readonly isQuick: boolean
  /** Processes that wanted a core before the run began: the mean over a minute. */
  readonly loadBefore: number
  readonly benches: readonly BenchRun[]
}

/** All that a run has left behind. */
export interface RunData {
  readonly info: RunInfo
  /** Absent for a benchmark that did not come to its end. */
  readonly reports: Readonly<Partial<Record<BenchName, Report>>>
  /** What each printed. */
  readonly printed: Readonly<Partial<Record<BenchName, string>>>
}

/** Reads the folder of a run. Throws where there is no `run.json`; what else is missing is left out. */
export async function readRun(folder: string): Promise<RunData> {
  // Written by this program, as are the reports below.
  const info = JSON.parse(await readFile(join(folder, 'run.json'), 'utf8')) as RunInfo
  const reports: Partial<Record<BenchName, Report>> = {}
  const printed: Partial<Record<BenchName, string>> = {}
  for (const { name } of info.benches) {
    const json = await readIfThere(join(folder, `${name}.json`))
    if (json !== undefined) reports[name] = JSON.parse(json) as Report
    const text = await readIfThere(join(folder, `${name}.txt`))
    if (text !== undefined) printed[name] = text
  }
  return { info, reports, printed }
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { toSvg } from './charts.ts'
import { pageOf } from './page.ts'
import { plotNames, plotsOf } from './plots.ts'
import { type RunData, readRun } from './run-data.ts'

/** Writes README.md and its plots into `folder`, of the run whose files are in `from`. */
export async function writeReportOf(from: string, folder: string): Promise<RunData> {
  const data = await readRun(from)
  const plots = plotsOf(data)
  await mkdir(folder, { recursive: true })
  // None of an older run stays.
  for (const name of plotNames()) await rm(join(folder, `${name}.svg`), { force: true })
  for (const { name, spec } of plots) await writeFile(join(folder, `${name}.svg`), await toSvg(spec))
  await writeFile(join(folder, 'README.md'), pageOf(data, plots))
  return data
}

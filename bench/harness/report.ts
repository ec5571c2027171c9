import { writeFile } from 'node:fs/promises'
import { cpus, totalmem } from 'node:os'

/** One line of a benchmark: what was measured on whom, and what came out (medians over the rounds). */
export interface Result {
  /** Who was measured: `tarantella` or a peer. */
  readonly subject: string
  readonly case: string
  /** Requests or tasks under way at the same time. */
  readonly inFlight: number
  readonly perSecond: number
  /** CPU time of this process per operation, in microseconds. */
  readonly cpuUsPerOp: number
}

/** What is not a rate. */
export interface Figure {
  readonly subject: string
  readonly case: string
  readonly value: number
  readonly unit: string
}

/** The whole of a run, as `--json FILE` stores it. */
export interface Report {
  readonly machine: { readonly cpu: string; readonly cores: number; readonly memoryGiB: number }
  readonly versions: Readonly<Record<string, string>>
  readonly results: readonly Result[]
  readonly figures?: readonly Figure[]
  /** What a confirmed put outlives, by subject. */
  readonly durability?: Readonly<Record<string, string>>
  /** Which subjects or cases could not be measured, and why: a sentence each. */
  readonly leftOut?: readonly string[]
}

export function makeReport(versions: Readonly<Record<string, string>>, results: readonly Result[]): Report {
  const machine = {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
  }
  return { machine, versions: { node: process.version, ...versions }, results }
}

/** Prints a table on stdout; absolute numbers are this machine's at this moment, ratios travel better. */
export function printReport(report: Report): void {
  const { cpu, cores, memoryGiB } = report.machine
  print(
    `${cpu}, ${cores} cores, ${memoryGiB} GiB; ${Object.entries(report.versions)
      .map((pair) => pair.join(' '))
      .join(', ')}`,
  )
  const rows = report.results.map((r) => [
    r.subject,
    r.case,
    String(r.inFlight),
    Math.round(r.perSecond).toLocaleString('en'),
    r.cpuUsPerOp.toFixed(2),
  ])
  const header = ['subject', 'case', 'in flight', 'per second', 'client us/op']
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)))
  for (const row of rows.length === 0 ? [] : [header, ...rows]) {
    print(row.map((cell, i) => (i < 2 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  '))
  }
  for (const { subject, case: name, value, unit } of report.figures ?? []) {
    print(`${subject}: ${name}: ${value.toFixed(1)} ${unit}`)
  }
}

export async function writeReport(report: Report, file: string): Promise<void> {
  await writeFile(file, `${JSON.stringify(report, null, 2)}\n`)
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

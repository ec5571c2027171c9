import type { LedgerTotals } from './ledger.ts'
import { percentile } from './percentile.ts'

/** The result of a campaign, as `--json` prints it. */
export interface Report {
  readonly recipients: number
  readonly delivered: number
  readonly lost: number
  readonly early: number
  readonly duplicates: number
  readonly retries: number
  /** From the due moment to the delivery; 0 if nothing was delivered. */
  readonly latenessMs: { readonly p50: number; readonly p99: number; readonly max: number }
  /** From the first put to the end of the campaign. */
  readonly seconds: number
  /** Rows of the file that could not be used. */
  readonly skippedRows: number
  readonly serverKills: number
}

export function makeReport(
  totals: LedgerTotals,
  run: { readonly seconds: number; readonly skippedRows: number; readonly serverKills: number },
): Report {
  const { latenessMs, ...counts } = totals
  const at = (percent: number): number => percentile(latenessMs, percent)
  return {
    ...counts,
    latenessMs: { p50: at(50), p99: at(99), max: at(100) },
    ...run,
    seconds: Math.round(run.seconds * 1000) / 1000,
  }
}

/** 0 if the campaign kept its promise: every push delivered, none early. */
export function exitCodeOf(report: Report): 0 | 1 {
  return report.lost === 0 && report.early === 0 ? 0 : 1
}

/** The result for people, without a line end at its end. */
export function reportText(report: Report): string {
  const { p50, p99, max } = report.latenessMs
  const verdict = exitCodeOf(report) === 0 ? 'every push delivered, none early' : 'NOT as promised'
  const lines = [
    `${report.delivered} of ${report.recipients} delivered in ${report.seconds.toFixed(1)} s: ${verdict}`,
    `  lost        ${report.lost}`,
    `  early       ${report.early}`,
    `  lateness    p50 ${p50} ms, p99 ${p99} ms, max ${max} ms`,
    `  retries     ${report.retries} (the gateway answers 503 to 2 %)`,
    `  duplicates  ${report.duplicates}`,
  ]
  if (report.skippedRows > 0) lines.push(`  skipped     ${report.skippedRows} rows of the file`)
  if (report.serverKills > 0)
    lines.push(`  the server was killed ${report.serverKills === 1 ? 'once' : `${report.serverKills} times`}`)
  return lines.join('\n')
}

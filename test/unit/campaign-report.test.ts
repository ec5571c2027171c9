import { describe, expect, test } from 'vitest'
import type { LedgerTotals } from '../../examples/campaign/ledger.ts'
import { percentile } from '../../examples/campaign/percentile.ts'
import { exitCodeOf, makeReport, reportText } from '../../examples/campaign/report.ts'

const TOTALS: LedgerTotals = {
  recipients: 4,
  delivered: 4,
  lost: 0,
  early: 0,
  duplicates: 1,
  retries: 2,
  latenessMs: [1, 2, 3, 40],
}
const RUN = { seconds: 21.0004567, skippedRows: 0, serverKills: 0 }

describe('percentile', () => {
  test('is the smallest value that so many per cent do not exceed', () => {
    const hundred = Array.from({ length: 100 }, (_, i) => i + 1)
    expect([1, 50, 99, 99.5, 100].map((percent) => percentile(hundred, percent))).toEqual([1, 50, 99, 100, 100])
    expect(percentile([7], 50)).toBe(7)
    expect(percentile([1, 2, 3], 50)).toBe(2)
  })

  test('of nothing is 0', () => {
    expect(percentile([], 99)).toBe(0)
  })
})

describe('the report', () => {
  test('has the counts and the lateness', () => {
    expect(makeReport(TOTALS, RUN)).toEqual({
      recipients: 4,
      delivered: 4,
      lost: 0,
      early: 0,
      duplicates: 1,
      retries: 2,
      latenessMs: { p50: 2, p99: 40, max: 40 },
      seconds: 21,
      skippedRows: 0,
      serverKills: 0,
    })
  })

  test.each([
    [0, {}],
    [0, { duplicates: 5, retries: 9 }],
    [1, { lost: 1, delivered: 3 }],
    [1, { early: 1 }],
  ] as const)('gives exit code %i for %j', (exitCode, change) => {
    expect(exitCodeOf(makeReport({ ...TOTALS, ...change }, RUN))).toBe(exitCode)
  })

  test('says in words whether the promise was kept', () => {
    expect(reportText(makeReport(TOTALS, RUN))).toContain(
      '4 of 4 delivered in 21.0 s: every push delivered, none early',
    )
    const bad = reportText(makeReport({ ...TOTALS, early: 1 }, { ...RUN, skippedRows: 3, serverKills: 1 }))
    expect(bad).toContain('NOT as promised')
    expect(bad).toContain('3 rows of the file')
    expect(bad).toContain('killed once')
  })
})

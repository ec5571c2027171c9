import { expect, test } from 'vitest'
import { Guide, runTarantool } from '../helpers/guide.ts'

const COMMAND = 'tarantool bench/server/sizes.lua'
/** Bytes of memory depend on the allocator and on how the schedule has grown, those of the log on its compression. */
const TOLERANCE = 0.25
/** Of bytes, for the small figures. */
const SLACK = 3

/** The table's figures, row by row; the first line names a version. */
function figuresOf(lines: readonly string[]): number[][] {
  return lines.slice(2).map((line) => line.trim().split(/\s+/).map(Number))
}

test('a task costs as many bytes as the page on performance says', async () => {
  const shown = figuresOf(new Guide('performance.md').shownLines(COMMAND))
  const measured = figuresOf(await runTarantool(COMMAND))
  const isNear = shown.map((row, y) =>
    row.map((bytes, x) => Math.abs((measured[y]?.[x] ?? Number.NaN) - bytes) <= TOLERANCE * bytes + SLACK),
  )
  expect(shown).toHaveLength(3)
  expect({ measured, isNear }).toEqual({ measured, isNear: shown.map((row) => row.map(() => true)) })
}, 120_000)

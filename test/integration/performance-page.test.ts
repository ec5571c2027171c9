import { expect, test } from 'vitest'
import { Guide, runTarantool } from '../helpers/guide.ts'

const COMMAND = 'tarantool bench/server/sizes.lua'
/** Share by which a figure may be off: memory depends on the allocator and on how the schedule has grown. */
const TOLERANCES = { memory: 0.25, others: 0.05 }
/** Bytes by which a small figure may. */
const SLACK = 2

/** The table's figures, row by row; the first line names a version. */
function figuresOf(lines: readonly string[]): number[][] {
  return lines.slice(2).map((line) => line.trim().split(/\s+/).map(Number))
}

function isNear(shown: number, measured: number | undefined, column: number): boolean {
  const tolerance = column === 1 ? TOLERANCES.memory : TOLERANCES.others
  return measured !== undefined && Math.abs(measured - shown) <= tolerance * shown + SLACK
}

test('a task costs as many bytes as the page on performance says', async () => {
  const shown = figuresOf(new Guide('performance.md').shownLines(COMMAND))
  const measured = figuresOf(await runTarantool(COMMAND))
  const far = shown.flatMap((row, y) => row.filter((bytes, x) => !isNear(bytes, measured[y]?.[x], x)))
  expect(shown).toHaveLength(3)
  expect({ measured, far }).toEqual({ measured, far: [] })
}, 120_000)

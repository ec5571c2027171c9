import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const ROOT = new URL('../../', import.meta.url)

/** Output of a benchmark that has checked what it did; rejects if it ended with another code than 0. */
async function bench(name: string, ...options: string[]): Promise<string> {
  const args = ['--import', 'tsx', `bench/${name}.ts`, ...options]
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { cwd: ROOT })
  expect(stderr).toBe('')
  return stdout
}

// Rows 2 and 3 of what peers have measured.
test('the benchmark of tuples finds each operation done, one at a time and 40 in flight', async () => {
  const lines = (await bench('crud', '--tuples', '10000')).trim().split('\n')
  expect(lines[0]).toContain('10000 tuples of 1536 bytes')
  expect(lines.slice(2).map((line) => line.split(' ')[0])).toEqual(['insert', 'select', 'update', 'delete'])
  for (const line of lines.slice(2)) {
    const [, alone, together, ratio] = line.split(/\s{2,}/).map(Number)
    expect(ratio).toBeCloseTo((alone ?? 0) / (together ?? 1), 0)
  }
})

// Row 4.
test('processes that work on the same keys end without an error, and their counts add up', async () => {
  const output = await bench('hot', '--processes', '3', '--operations', '100')
  expect(output).toContain('3 processes, 80 workers each: 24000 operations')
  const [, inserted, deleted, left] = /(\d+) inserted, (\d+) deleted, .* (\d+) left/.exec(output)?.map(Number) ?? []
  expect(left).toBe((inserted ?? 0) - (deleted ?? 0))
})

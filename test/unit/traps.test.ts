import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const PAGE = readFileSync(join(ROOT, 'docs/traps.md'), 'utf8')

interface Row {
  readonly trap: string
  /** Of each test its file, from the root, and its name. */
  readonly tests: readonly (readonly [file: string, name: string])[]
}

/** `file` "name", "name"; `file` "name" */
function testsOf(cell: string): [file: string, name: string][] {
  const tests: [string, string][] = []
  let path = 'a test without a file'
  for (const [, file, name] of cell.matchAll(/`([^`]+)`|"([^"]+)"/g)) {
    if (name !== undefined) tests.push([path, name])
    else
      path = join(file?.startsWith('connector-') === true ? 'test/integration' : 'packages/connector/test', file ?? '')
  }
  return tests
}

function rowsOf(page: string): Row[] {
  const lines = page.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| trap |'))
  return lines.map((line) => {
    const [, trap = '', , tests = ''] = line.split(' | ').join('|').split('|')
    return { trap: trap.trim(), tests: testsOf(tests) }
  })
}

describe('the page of traps', () => {
  const rows = rowsOf(PAGE)

  test('has all that are known', () => {
    expect(rows).toHaveLength(54)
  })

  test('names a test for each', () => {
    expect(rows.filter(({ tests }) => tests.length === 0).map(({ trap }) => trap)).toEqual([])
  })

  test('names tests that exist', () => {
    const missing = rows
      .flatMap(({ tests }) => tests)
      .filter(([file, name]) => !existsSync(join(ROOT, file)) || !hasTest(readFileSync(join(ROOT, file), 'utf8'), name))
    expect(missing).toEqual([])
  })
})

/** The name of a test, of a group, or of one of its cases, as a literal. */
function hasTest(code: string, name: string): boolean {
  return [`'${name}'`, `"${name}"`, `\`${name}\``].some((literal) => code.includes(literal))
}

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** A row of a page's tables, whose last cell names tests. */
export interface NamingRow {
  readonly cells: readonly string[]
  /** Of each test its file, from the root, and its name. */
  readonly tests: readonly (readonly [file: string, name: string])[]
}

/** The rows of all tables of a page that begin so: `heading` is the first cell of their first row. */
export function namingRows(page: string, heading: string): NamingRow[] {
  const lines = readFileSync(join(ROOT, page), 'utf8').split('\n')
  return lines
    .filter((line) => line.startsWith('| ') && !line.startsWith(`| ${heading} |`))
    .map((line) => {
      const cells = line.split('|').slice(1, -1)
      return { cells: cells.map((cell) => cell.trim()), tests: testsOf(cells.at(-1) ?? '') }
    })
}

/** The tests that are not in the files that they are named with. */
export function missingTests(rows: readonly NamingRow[]): (readonly [file: string, name: string])[] {
  return rows
    .flatMap(({ tests }) => tests)
    .filter(([file, name]) => !existsSync(join(ROOT, file)) || !hasTest(readFileSync(join(ROOT, file), 'utf8'), name))
}

/** `file` "name", "name"; `file` "name" */
function testsOf(cell: string): [file: string, name: string][] {
  const tests: [string, string][] = []
  let path = 'a test without a file'
  for (const [, file, name] of cell.matchAll(/`([^`]+)`|"([^"]+)"/g)) {
    if (name !== undefined) tests.push([path, name])
    else if (file !== undefined) path = pathOf(file)
  }
  return tests
}

function pathOf(file: string): string {
  if (file.startsWith('test/')) return file
  return join(file.startsWith('connector-') ? 'test/integration' : 'packages/connector/test', file)
}

/** The name of a test, of a group, or of one of its cases, as a literal. */
function hasTest(code: string, name: string): boolean {
  return [`'${name}'`, `"${name}"`, `\`${name}\``].some((literal) => code.includes(literal))
}

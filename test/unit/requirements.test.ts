import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const PAGE = readFileSync(join(ROOT, 'docs/requirements.md'), 'utf8')
const FOLDERS: Readonly<Record<string, string>> = {
  q: 'packages/queue/test',
  c: 'packages/connector/test',
  i: 'test/integration',
}

interface Row {
  readonly number: number
  readonly isApplicable: boolean
  /** Of each test its file, from the root, and its name. */
  readonly tests: readonly (readonly [file: string, name: string])[]
}

/** `q/file` "name", "name"; `i/file` "name" */
function testsOf(cell: string): [file: string, name: string][] {
  const tests: [string, string][] = []
  let path = 'a test without a file'
  for (const [, folder = '', file = '', name] of cell.matchAll(/`([qci])\/([^`]+)`|"([^"]+)"/g)) {
    if (name !== undefined) tests.push([path, name])
    else path = join(FOLDERS[folder] ?? '', file)
  }
  return tests
}

function rowsOf(page: string): Row[] {
  return Array.from(page.matchAll(/^\| (\d+) \| [^|]+ \| (.+) \|$/gm), ([, number, cell = '']) => ({
    number: Number(number),
    isApplicable: !/^not applicable: \w/.test(cell),
    tests: testsOf(cell),
  }))
}

/** Whether the file has a test or a group of this name, and it or the line above it names the requirement. */
function isNamed(number: number, file: string, name: string): boolean {
  if (!existsSync(join(ROOT, file))) return false
  const lines = readFileSync(join(ROOT, file), 'utf8').split('\n')
  const at = lines.findIndex((line) =>
    [`'${name}'`, `"${name}"`, `\`${name}\``].some((literal) => line.includes(literal)),
  )
  if (at < 0) return false
  const near = lines.slice(Math.max(0, at - 2), at + 1).join('\n')
  return new RegExp(`requirement ${number}\\b`, 'i').test(near)
}

describe('the page of requirements', () => {
  const rows = rowsOf(PAGE)

  test('has all 44, in order', () => {
    expect(rows.map(({ number }) => number)).toEqual(Array.from({ length: 44 }, (_, i) => i + 1))
  })

  test('names tests, or says why there is nothing to test', () => {
    expect(rows.filter(({ isApplicable, tests }) => isApplicable !== tests.length > 0)).toEqual([])
  })

  test('names tests that exist and that name the requirement', () => {
    const missing = rows.flatMap(({ number, tests }) =>
      tests.filter(([file, name]) => !isNamed(number, file, name)).map((named) => [number, ...named]),
    )
    expect(missing).toEqual([])
  })
})

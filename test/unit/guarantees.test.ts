import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const PAGE = readFileSync(join(ROOT, 'docs/guarantees.md'), 'utf8')

/** What is guaranteed, and where its tests are named. */
const ROWS = PAGE.split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| |'))
  .map((line) => {
    const [, guarantee = '', tests = ''] = line.split(' | ').join('|').split('|')
    return { guarantee, tests }
  })

/** `file` "name", "name"; `file` "name" */
function testsOf(cell: string): { file: string; name: string }[] {
  let file = 'a test without a file'
  return Array.from(cell.matchAll(/`([^`]+)`|"([^"]+)"/g)).flatMap(([, path, name]) => {
    file = path ?? file
    return name === undefined ? [] : [{ file, name }]
  })
}

/** As a literal of TypeScript or Lua. */
function hasTest(file: string, name: string): boolean {
  const path = join(ROOT, file)
  return existsSync(path) && readFileSync(path, 'utf8').includes(`'${name}'`)
}

describe('the page of guarantees', () => {
  test('names tests for each', () => {
    expect(ROWS.length).toBeGreaterThan(20)
    const bare = ROWS.filter(({ tests }) => testsOf(tests).length === 0)
    expect(bare).toEqual([])
  })

  test('names tests that exist', () => {
    const named = ROWS.flatMap(({ tests }) => testsOf(tests))
    expect(named.filter(({ file, name }) => !hasTest(file, name))).toEqual([])
  })
})

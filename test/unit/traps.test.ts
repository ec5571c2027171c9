import { describe, expect, test } from 'vitest'
import { missingTests, namingRows } from '../helpers/tests-named.ts'

describe('the page of traps', () => {
  const rows = namingRows('docs/traps.md', 'trap')

  test('has all that are known', () => {
    expect(rows).toHaveLength(54)
  })

  test('names a test for each', () => {
    expect(rows.filter(({ tests }) => tests.length === 0).map(({ cells }) => cells[0])).toEqual([])
  })

  test('names tests that exist', () => {
    expect(missingTests(rows)).toEqual([])
  })
})

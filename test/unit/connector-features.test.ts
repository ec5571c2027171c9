import { describe, expect, test } from 'vitest'
import { missingTests, namingRows } from '../helpers/tests-named.ts'

describe("the page of the connector's features", () => {
  const rows = namingRows('docs/connector-features.md', 'feature')

  test('says of each whether it is there', () => {
    expect(rows.length).toBeGreaterThan(60)
    expect(rows.filter(({ cells }) => cells.length !== 4 || !/^[YPN]$/.test(cells[1] ?? ''))).toEqual([])
  })

  test('names a test for each that is there', () => {
    const unproven = rows.filter(({ cells, tests }) => cells[1] !== 'N' && tests.length === 0)
    expect(unproven.map(({ cells }) => cells[0])).toEqual([])
  })

  test('names tests that exist', () => {
    expect(missingTests(rows)).toEqual([])
  })
})

import { expect, test } from 'vitest'
import { ops } from '../../src/client/update-operations.ts'
import { UsageError } from '../../src/errors.ts'

test('each operation is what the server takes', () => {
  expect([
    ops.set('name', 'x'),
    ops.add(3, 1),
    ops.subtract(-1, 2n),
    ops.and('a.b[1]', 1),
    ops.or(0, 2),
    ops.xor(0, 3n),
    ops.splice('name', 0, 1, 'x'),
    ops.insertField(4, null),
    ops.deleteFields('name'),
    ops.deleteFields(1, 2),
  ]).toEqual([
    ['=', 'name', 'x'],
    ['+', 3, 1],
    ['-', -1, 2n],
    ['&', 'a.b[1]', 1],
    ['|', 0, 2],
    ['^', 0, 3n],
    [':', 'name', 0, 1, 'x'],
    ['!', 4, null],
    ['#', 'name', 1],
    ['#', 1, 2],
  ])
})

test.each<readonly [string, () => unknown]>([
  ['field', () => ops.set('', 1)],
  ['field', () => ops.set(1.5, 1)],
  ['bits', () => ops.and(0, -1)],
  ['bits', () => ops.or(0, 0.5)],
  ['position', () => ops.splice(0, 0.5, 1, 'x')],
  ['cut', () => ops.splice(0, 1, Number.NaN, 'x')],
  ['count', () => ops.deleteFields(0, 0)],
])('a wrong `%s` throws at once', (argument, run) => {
  expect(run).toThrow(UsageError)
  expect(run).toThrow(`\`${argument}\``)
})

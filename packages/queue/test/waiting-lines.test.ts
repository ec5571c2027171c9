import { expect, test } from 'vitest'
import { WaitingLines } from '../src/limit/waiting-lines.ts'

test('tasks of one key come back one after the other at the rate, no sooner than the first may', () => {
  const lines = new WaitingLines(100.1)
  expect([1, 2, 3].map((id) => lines.add('a', id, 30, 1000))).toEqual([30, 40, 50])
  expect(lines.add('b', 4, 7, 1000)).toBe(7)
  expect(lines.add('a', 5, 0, 1045)).toBe(15)
})

test('a newcomer is a latecomer while others wait, one that has waited is not', () => {
  const lines = new WaitingLines(100.1)
  lines.add('a', 1, 10, 0)
  lines.add('a', 2, 10, 0)
  expect(lines.isLatecomer('a', 3, 10)).toBe(true)
  expect(lines.isLatecomer('b', 3, 10)).toBe(false)
  expect(lines.isLatecomer('a', 1, 10)).toBe(false)
  expect(lines.isLatecomer('a', 1, 10)).toBe(true)
  expect(lines.isLatecomer('a', 3, 20)).toBe(false)
  expect(lines.size).toBe(0)
})

test('a task that is held up again keeps one place', () => {
  const lines = new WaitingLines(100.1)
  lines.add('a', 1, 10, 0)
  lines.add('a', 1, 10, 0)
  expect(lines.size).toBe(1)
})

test('remembers no more tasks than it may, and then takes nobody for a latecomer', () => {
  const lines = new WaitingLines(100, { maxTasks: 3 })
  for (let id = 0; id < 10; id += 1) lines.add('a', id, 0, 0)
  expect(lines.size).toBe(3)
  expect(lines.isLatecomer('a', 9, 1)).toBe(false)
  expect(lines.isLatecomer('a', 99, 1)).toBe(false)
})

test('has no more lines than it may; those that have ended make room', () => {
  const lines = new WaitingLines(100, { maxLines: 2 })
  lines.add('a', 1, 50, 0)
  lines.add('b', 2, 90, 0)
  expect([lines.add('c', 3, 5, 0), lines.add('c', 4, 5, 0)]).toEqual([5, 5])
  expect(lines.size).toBe(2)
  lines.add('c', 5, 5, 60)
  expect(lines.size).toBe(2)
  expect(lines.isLatecomer('c', 6, 61)).toBe(true)
})

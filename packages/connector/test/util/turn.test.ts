import { expect, test } from 'vitest'
import { thisTurn } from '../../src/util/turn.ts'

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

function spendMs(ms: number): void {
  const until = performance.now() + ms
  while (performance.now() < until);
}

test('all that is called in one turn was called at one moment, and in the next one later', async () => {
  const first = thisTurn()
  await Promise.resolve()
  expect(thisTurn()).toBe(first)
  await nextTurn()
  const second = thisTurn()
  expect(second).not.toBe(first)
  expect(second.atMs).toBeGreaterThanOrEqual(first.atMs)
})

test('a turn counts from its end, so that what is called late in a long one loses nothing of its time', async () => {
  const turn = thisTurn()
  spendMs(5)
  const calledAt = performance.now()
  expect(thisTurn()).toBe(turn)
  await nextTurn()
  expect(turn.atMs).toBeGreaterThanOrEqual(calledAt)
})

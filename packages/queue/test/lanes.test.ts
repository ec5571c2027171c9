import { expect, test } from 'vitest'
import { Lanes } from '../src/worker/lanes.ts'
import { settle } from './fake-caller.ts'

/** Lanes whose items the test ends. */
function start(concurrency: number) {
  const waiting: number[] = []
  const running = new Map<number, () => void>()
  const lanes = new Lanes<number>({
    concurrency,
    next: () => waiting.shift(),
    run: (item) =>
      new Promise((resolve) => {
        running.set(item, () => {
          running.delete(item)
          resolve()
        })
      }),
  })
  return {
    lanes,
    waiting,
    running,
    add(...items: number[]) {
      waiting.push(...items)
      lanes.fill()
    },
  }
}

test('no more items run than there are lanes, and the next starts when one ends', async () => {
  const { lanes, waiting, running, add } = start(2)
  add(1, 2, 3, 4)
  expect([...running.keys()]).toEqual([1, 2])
  expect(waiting).toEqual([3, 4])
  expect(lanes.running).toBe(2)
  running.get(2)?.()
  await settle()
  expect([...running.keys()]).toEqual([1, 3])
  expect(lanes.running).toBe(2)
})

test('a lane that has nothing to do rests, and goes on with what comes', async () => {
  const { lanes, running, add } = start(2)
  for (let item = 1; item <= 5; item += 1) {
    add(item)
    await settle()
    expect([...running.keys()]).toEqual([item])
    expect(lanes.running).toBe(1)
    running.get(item)?.()
    await settle()
    expect(lanes.running).toBe(0)
  }
})

test('lanes that rest and items that wait never stand beside each other', async () => {
  const { lanes, waiting, running, add } = start(3)
  add(1, 2, 3)
  for (const end of [...running.values()]) end()
  await settle()
  add(4, 5, 6, 7, 8)
  await settle()
  expect([...running.keys()]).toEqual([4, 5, 6])
  expect(waiting).toEqual([7, 8])
  for (const end of [...running.values()]) end()
  await settle()
  expect([...running.keys()]).toEqual([7, 8])
  expect(lanes.running).toBe(2)
})

test('lanes end when they are stopped, those that run with their item', async () => {
  const { lanes, running, add } = start(2)
  add(1, 2)
  running.get(1)?.()
  await settle()
  lanes.stop()
  await settle()
  expect(lanes.running).toBe(1)
  running.get(2)?.()
  await settle()
  expect(lanes.running).toBe(0)
})

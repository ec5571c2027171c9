import { expect, test, vi } from 'vitest'
import { Countdown } from '../src/worker/countdown.ts'
import { FakeClock, settle } from './fake-caller.ts'

function start(ms: number) {
  const clock = new FakeClock()
  const due: string[] = []
  const countdown = new Countdown<string>(ms, clock, (item) => due.push(item))
  const advance = async (by: number): Promise<void> => {
    clock.advance(by)
    await settle()
  }
  return { clock, due, countdown, advance }
}

test('each item is due when its own time is over, by one timer', async () => {
  const { clock, due, countdown, advance } = start(100)
  countdown.add('a')
  await advance(40)
  countdown.add('b')
  expect(clock.sleeping).toBe(1)
  await advance(59)
  expect(due).toEqual([])
  await advance(1)
  expect(due).toEqual(['a'])
  await advance(40)
  expect(due).toEqual(['a', 'b'])
  expect(clock.sleeping).toBe(0)
})

test('an item that was deleted is never due, and one that was added again starts anew', async () => {
  const { due, countdown, advance } = start(100)
  countdown.add('a')
  countdown.add('b')
  countdown.delete('a')
  await advance(50)
  countdown.add('b')
  await advance(99)
  expect(due).toEqual([])
  await advance(1)
  expect(due).toEqual(['b'])
})

test('an item that was added again does not hold up those behind it', async () => {
  const { due, countdown, advance } = start(100)
  countdown.add('a')
  countdown.add('b')
  await advance(50)
  countdown.add('a')
  await advance(50)
  expect(due).toEqual(['b'])
})

test('items that come after all others were due are counted down, too', async () => {
  const { due, countdown, advance } = start(100)
  countdown.add('a')
  await advance(100)
  countdown.add('b')
  await advance(100)
  expect(due).toEqual(['a', 'b'])
})

test('a time longer than a timer can take is waited for in parts', async () => {
  const years = 100 * 365 * 24 * 60 * 60 * 1000
  const { clock, due, countdown, advance } = start(years)
  const sleep = vi.spyOn(clock, 'sleep')
  countdown.add('a')
  expect(sleep.mock.calls[0]?.[0]).toBeLessThan(2 ** 31)
  await advance(2 ** 31)
  expect(due).toEqual([])
  expect(clock.sleeping).toBe(1)
  await advance(years)
  expect(due).toEqual(['a'])
})

test('stopped, it holds no timer and takes nothing more', async () => {
  const { clock, due, countdown, advance } = start(100)
  countdown.add('a')
  countdown.stop()
  countdown.add('b')
  await settle()
  expect(clock.sleeping).toBe(0)
  await advance(1000)
  expect(due).toEqual([])
})

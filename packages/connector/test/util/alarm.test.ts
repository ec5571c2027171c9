import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Alarm } from '../../src/util/alarm.ts'

describe('an alarm', () => {
  beforeEach(() =>
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate', 'performance'] }),
  )
  afterEach(() => vi.useRealTimers())

  test('rings at the earliest time that it was told of, then at the next one', async () => {
    const rings: number[] = []
    const start = performance.now()
    const alarm = new Alarm((nowMs) => {
      rings.push(Math.round(nowMs - start))
      return rings.length === 1 ? start + 500 : Number.POSITIVE_INFINITY
    })
    alarm.arm(start + 500)
    alarm.arm(start + 100)
    alarm.arm(start + 300)
    expect(vi.getTimerCount()).toBe(1)
    await vi.advanceTimersByTimeAsync(1000)
    // The bell comes one turn of the loop after the timer, which the faked clock counts as a millisecond.
    expect(rings).toEqual([101, 501])
    expect(vi.getTimerCount()).toBe(0)
  })

  test('waits longer than a timer can', async () => {
    const rings: number[] = []
    const start = performance.now()
    const late = start + 2 ** 31 + 1000
    const alarm = new Alarm((nowMs) => {
      rings.push(nowMs - start)
      return nowMs < late ? late : Number.POSITIVE_INFINITY
    })
    alarm.arm(late)
    await vi.advanceTimersByTimeAsync(2 ** 31 - 10)
    expect(rings).toEqual([])
    await vi.advanceTimersByTimeAsync(2000)
    expect(rings.at(-1)).toBeGreaterThanOrEqual(2 ** 31 + 1000)
  })

  test('that is disarmed does not ring', async () => {
    const ring = vi.fn(() => Number.POSITIVE_INFINITY)
    const alarm = new Alarm(ring)
    alarm.arm(performance.now() + 10)
    alarm.disarm()
    await vi.advanceTimersByTimeAsync(100)
    expect(ring).not.toHaveBeenCalled()
  })
})

test('an alarm rings in time in a process where nothing else happens, and does not hold the process', async () => {
  const alarm = new URL('../../src/util/alarm.ts', import.meta.url).href
  // The far timer holds the process, so that only the alarm itself can end it early.
  const script = `
    import { Alarm } from '${alarm}'
    const far = setTimeout(() => console.log('too late'), 8000)
    new Alarm(() => { clearTimeout(far); console.log('rang'); return Infinity }).arm(performance.now() + 20)
    new Alarm(() => { console.log('held'); return Infinity }).arm(performance.now() + 60_000)
  `
  const run = promisify(execFile)(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script])
  expect((await run).stdout.trim()).toBe('rang')
})

import { describe, expect, test } from 'vitest'
import { cron } from '../src/schedule/cron.ts'
import { isLow, ticksToAdd } from '../src/schedule/times.ts'
import type { Schedule } from '../src/wire/schedules.ts'

const HOUR = 3_600_000

function next(expression: string, tz: string, after: string, count = 2): string[] {
  return cron(expression, tz)
    .next(new Date(after), count)
    .map((date) => date.toISOString())
}

describe('a cron expression', () => {
  test.each([
    ['0 9 * * *', 'Europe/Paris', '2026-03-28T00:00:00Z', ['2026-03-28T08:00:00.000Z', '2026-03-29T07:00:00.000Z']],
    [
      '0 9 * * MON-FRI',
      'Asia/Kolkata',
      '2026-11-20T04:00:00Z',
      ['2026-11-23T03:30:00.000Z', '2026-11-24T03:30:00.000Z'],
    ],
    ['*/10 * * * * *', 'UTC', '2026-11-22T00:00:00.500Z', ['2026-11-22T00:00:10.000Z', '2026-11-22T00:00:20.000Z']],
    ['@daily', 'UTC', '2026-11-22T00:00:00Z', ['2026-11-23T00:00:00.000Z', '2026-11-24T00:00:00.000Z']],
    // One time of day in a gap comes at its end, and once where clocks show it twice.
    ['30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00:00Z', ['2026-03-29T01:00:00.000Z', '2026-03-30T00:30:00.000Z']],
    ['30 2 * * *', 'Europe/Berlin', '2026-10-24T12:00:00Z', ['2026-10-25T00:30:00.000Z', '2026-10-26T01:30:00.000Z']],
    [
      '15 2 * * *',
      'Australia/Lord_Howe',
      '2026-10-03T00:00:00Z',
      ['2026-10-03T15:30:00.000Z', '2026-10-04T15:15:00.000Z'],
    ],
    // Others come twice.
    ['*/30 2 * * *', 'Europe/Berlin', '2026-10-25T00:15:00Z', ['2026-10-25T00:30:00.000Z', '2026-10-25T01:00:00.000Z']],
    // Samoa had no December 30th in 2011.
    ['0 9 * * *', 'Pacific/Apia', '2011-12-29T00:00:00Z', ['2011-12-29T19:00:00.000Z', '2011-12-30T19:00:00.000Z']],
  ])('%s in %s after %s', (expression, tz, after, moments) => {
    expect(next(expression, tz, after)).toEqual(moments)
  })

  test.each(['', 'x', '61 * * * *', '* * * *', '0 0 30 2 *', '2030-01-01T00:00:00', '0 0 1 1 * 2026 7 8'])(
    '%j is refused',
    (expression) => {
      expect(() => cron(expression)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
    },
  )

  test('is refused in no zone', () => {
    expect(() => cron('@daily', 'Nowhere/Here')).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
  })
})

const NOW = Date.parse('2026-11-22T12:00:00Z')

function known(fields: Partial<Schedule>): Schedule {
  const base = {
    name: 's',
    tube: 't',
    state: 'active',
    kind: 'ticks',
    catchUp: 'last',
    grace: 60,
    count: 0,
    errors: 0,
  } as const
  return { ...base, cron: '0 * * * *', tz: 'UTC', ...fields }
}

const hourly = cron('0 * * * *')
const at = (hours: number): Date => new Date(NOW + hours * HOUR)

describe('the ticks of a list', () => {
  test('are a hundred to begin with', () => {
    const ticks = ticksToAdd(hourly, undefined, NOW)
    expect(ticks).toHaveLength(100)
    expect(ticks[0]).toEqual(at(1))
    expect(ticks.at(-1)).toEqual(at(100))
  })

  test('reach some hours ahead where they come often, within the thousand that a server keeps', () => {
    const minutes = ticksToAdd(cron('* * * * *'), undefined, NOW)
    expect(minutes.at(-1)?.getTime()).toBeGreaterThanOrEqual(NOW + 4 * HOUR)
    expect(minutes.length).toBeLessThan(400)
    expect(ticksToAdd(cron('* * * * * *'), undefined, NOW)).toHaveLength(1000)
    expect(
      ticksToAdd(cron('* * * * * *'), known({ cron: '* * * * * *', ticksLeft: 990, lastKnown: at(1) }), NOW),
    ).toHaveLength(10)
  })

  test('go on after the last known one, for as many as are missing', () => {
    const ticks = ticksToAdd(hourly, known({ ticksLeft: 40, lastKnown: at(40) }), NOW)
    expect(ticks).toHaveLength(60)
    expect(ticks[0]).toEqual(at(41))
    expect(ticksToAdd(hourly, known({ ticksLeft: 120, lastKnown: at(120) }), NOW)).toEqual([])
  })

  test('begin anew for another rule, or another zone', () => {
    expect(ticksToAdd(hourly, known({ cron: '5 * * * *', ticksLeft: 90, lastKnown: at(90) }), NOW)[0]).toEqual(at(1))
    expect(ticksToAdd(hourly, known({ tz: 'Asia/Kolkata', ticksLeft: 90, lastKnown: at(90) }), NOW)[0]).toEqual(at(1))
    expect(ticksToAdd(hourly, known({ kind: 'every' }), NOW)[0]).toEqual(at(1))
  })

  test('name what was missed while nobody topped up, as far as the server shall put it', () => {
    const dry = { state: 'dry', ticksLeft: 0, lastKnown: at(-48) } as const
    expect(ticksToAdd(hourly, known({ ...dry, catchUp: 'all' }), NOW)[0]).toEqual(at(-47))
    const last = ticksToAdd(hourly, known({ ...dry, catchUp: 'last' }), NOW)
    expect(last.slice(0, 2)).toEqual([at(-1), at(0)])
    expect(ticksToAdd(hourly, known({ ...dry, catchUp: 'none' }), NOW + 1)[0]).toEqual(at(0))
  })
})

test.each([
  [{ ticksLeft: 49, lastKnown: at(49) }, true],
  [{ ticksLeft: 50, lastKnown: at(50) }, false],
  [{ ticksLeft: 900, lastKnown: at(1.9) }, true],
  [{ state: 'dry', ticksLeft: 0 }, true],
  [{ state: 'paused', ticksLeft: 0 }, false],
  [{ state: 'ended', ticksLeft: 0 }, false],
  [{ kind: 'every' }, false],
] as const)('a schedule of %j wants more ticks: %s', (fields, wants) => {
  expect(isLow(known(fields), NOW)).toBe(wants)
})

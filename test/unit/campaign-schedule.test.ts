import { describe, expect, test } from 'vitest'
import { dayAfter, isTimeZone, localMorning } from '../../examples/campaign/local-time.ts'
import type { Recipient } from '../../examples/campaign/recipients.ts'
import { planDay } from '../../examples/campaign/schedule.ts'

function morning(zone: string, date: string): string {
  return new Date(localMorning(zone, date)).toISOString()
}

function recipient(id: string, zone: string): Recipient {
  return { id, zone, platform: 'ios', token: 't' }
}

const DAY = { date: '2026-11-22', startAt: 1_000_000, daySeconds: 20 }

describe('09:00 local time', () => {
  test.each([
    ['Asia/Tokyo', '2026-11-22', '2026-11-22T00:00:00.000Z'],
    ['Pacific/Kiritimati', '2026-11-22', '2026-11-21T19:00:00.000Z'],
    ['Pacific/Pago_Pago', '2026-11-22', '2026-11-22T20:00:00.000Z'],
    ['Asia/Kolkata', '2026-11-22', '2026-11-22T03:30:00.000Z'],
    ['Asia/Kathmandu', '2026-11-22', '2026-11-22T03:15:00.000Z'],
    ['Pacific/Chatham', '2026-11-22', '2026-11-21T19:15:00.000Z'],
  ])('in %s on %s is %s', (zone, date, instant) => {
    expect(morning(zone, date)).toBe(instant)
  })

  test('follows daylight saving time: before, on and after the day on which clocks change', () => {
    expect(morning('Europe/Berlin', '2026-03-28')).toBe('2026-03-28T08:00:00.000Z')
    expect(morning('Europe/Berlin', '2026-03-29')).toBe('2026-03-29T07:00:00.000Z')
    expect(morning('Europe/Berlin', '2026-10-24')).toBe('2026-10-24T07:00:00.000Z')
    expect(morning('Europe/Berlin', '2026-10-25')).toBe('2026-10-25T08:00:00.000Z')
    expect(morning('America/New_York', '2026-10-31')).toBe('2026-10-31T13:00:00.000Z')
    expect(morning('America/New_York', '2026-11-01')).toBe('2026-11-01T14:00:00.000Z')
  })

  test('knows zones without daylight saving time and one where it is half an hour', () => {
    expect(morning('America/Phoenix', '2026-07-01')).toBe('2026-07-01T16:00:00.000Z')
    expect(morning('America/Phoenix', '2026-12-01')).toBe('2026-12-01T16:00:00.000Z')
    expect(morning('Australia/Lord_Howe', '2026-07-01')).toBe('2026-06-30T22:30:00.000Z')
    expect(morning('Australia/Lord_Howe', '2026-12-01')).toBe('2026-11-30T22:00:00.000Z')
  })

  test('on a date that a zone has left out is a day later', () => {
    // Samoa went over the date line and had no 30 December 2011.
    expect(morning('Pacific/Apia', '2011-12-30')).toBe(morning('Pacific/Apia', '2011-12-31'))
  })

  test('tomorrow is by the calendar of UTC', () => {
    expect(dayAfter(Date.parse('2026-12-31T23:59:59Z'))).toBe('2027-01-01')
  })

  test.each(['', 'Europe', '+03:00', '2026-11-22T00:00[Europe/Berlin]', 'Europe/Berlin '])(
    '%j is no time zone',
    (name) => {
      expect(isTimeZone(name)).toBe(false)
    },
  )
})

describe('a compressed day', () => {
  test('begins with the easternmost morning and takes day-seconds for 24 hours', () => {
    const plan = planDay(
      [recipient('w', 'Pacific/Pago_Pago'), recipient('e', 'Pacific/Kiritimati'), recipient('t', 'Asia/Tokyo')],
      DAY,
    )
    expect(plan.pushes.map(({ recipient: { id }, dueAt }) => [id, dueAt - DAY.startAt])).toEqual([
      ['e', 0],
      ['t', Math.round((5 / 24) * 20_000)],
      ['w', Math.round((25 / 24) * 20_000)],
    ])
    expect([plan.firstDueAt, plan.lastDueAt]).toEqual([DAY.startAt, DAY.startAt + 20_833])
  })

  test('recipients whose clocks agree are due at one moment', () => {
    const plan = planDay(
      [recipient('a', 'Asia/Shanghai'), recipient('b', 'Asia/Manila'), recipient('c', 'Australia/Perth')],
      DAY,
    )
    expect(new Set(plan.pushes.map(({ dueAt }) => dueAt)).size).toBe(1)
  })

  test('due moments are whole milliseconds, also if the start is none', () => {
    const plan = planDay([recipient('a', 'Asia/Kathmandu'), recipient('b', 'Asia/Tokyo')], {
      ...DAY,
      startAt: 17.25,
      daySeconds: 7,
    })
    expect(plan.pushes.every(({ dueAt }) => Number.isInteger(dueAt) && dueAt >= 17.25)).toBe(true)
  })

  test('the campaign clock shows the mornings at the moments when their pushes are due', () => {
    const plan = planDay([recipient('e', 'Pacific/Kiritimati'), recipient('t', 'Asia/Tokyo')], DAY)
    expect(plan.campaignTime(plan.firstDueAt)).toBe(localMorning('Pacific/Kiritimati', DAY.date))
    // Due moments are rounded to a millisecond of the demo, which is several seconds of the day.
    expect(Math.abs(plan.campaignTime(plan.lastDueAt) - localMorning('Asia/Tokyo', DAY.date))).toBeLessThan(5_000)
  })
})

import { Temporal } from '@js-temporal/polyfill'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type ScheduleLocalOptions, scheduleLocal } from '../src/schedule/schedule-local.ts'

const at = (options: ScheduleLocalOptions): string => scheduleLocal(options).toISOString()

describe('requirement 19: the moment of a local time', () => {
  test.each([
    ['Europe/Berlin', '2026-01-15', '2026-01-15T08:00:00.000Z'],
    ['Europe/Berlin', '2026-07-15', '2026-07-15T07:00:00.000Z'],
    ['America/New_York', '2026-03-08', '2026-03-08T13:00:00.000Z'],
    ['America/New_York', '2026-11-01', '2026-11-01T14:00:00.000Z'],
    ['Asia/Kolkata', '2026-11-22', '2026-11-22T03:30:00.000Z'],
    ['Asia/Kathmandu', '2026-11-22', '2026-11-22T03:15:00.000Z'],
    ['Australia/Lord_Howe', '2026-10-04', '2026-10-03T22:00:00.000Z'],
    ['Pacific/Kiritimati', '2026-11-22', '2026-11-21T19:00:00.000Z'],
    ['UTC', '2028-02-29', '2028-02-29T09:00:00.000Z'],
  ])('is that of the rules of %s on %s', (tz, date, moment) => {
    expect(at({ time: '09:00', tz, date })).toBe(moment)
  })

  test.each([
    ['Europe/Berlin', '2026-03-29', '02:30', '2026-03-29T01:00:00.000Z', '2026-03-29T01:30:00.000Z'],
    ['America/New_York', '2026-03-08', '02:00', '2026-03-08T07:00:00.000Z', '2026-03-08T07:00:00.000Z'],
    ['America/New_York', '2026-03-08', '02:59:59.999', '2026-03-08T07:00:00.000Z', '2026-03-08T07:59:59.999Z'],
    // Half an hour.
    ['Australia/Lord_Howe', '2026-10-04', '02:15', '2026-10-03T15:30:00.000Z', '2026-10-03T15:45:00.000Z'],
    // A whole day, when the date line was moved.
    ['Pacific/Apia', '2011-12-30', '09:00', '2011-12-30T10:00:00.000Z', '2011-12-30T19:00:00.000Z'],
  ])('in a gap is its end, or shifted: %s %s %s', (tz, date, time, end, shift) => {
    expect(at({ time, tz, date })).toBe(end)
    expect(at({ time, tz, date, gap: 'shift' })).toBe(shift)
  })

  test.each([
    ['Europe/Berlin', '2026-10-25', '02:30', '2026-10-25T00:30:00.000Z', '2026-10-25T01:30:00.000Z'],
    ['America/New_York', '2026-11-01', '01:00', '2026-11-01T05:00:00.000Z', '2026-11-01T06:00:00.000Z'],
    ['Australia/Lord_Howe', '2026-04-05', '01:45', '2026-04-04T14:45:00.000Z', '2026-04-04T15:15:00.000Z'],
  ])('that comes twice is the first, or the last: %s %s %s', (tz, date, time, first, last) => {
    expect(at({ time, tz, date })).toBe(first)
    expect(at({ time, tz, date, overlap: 'last' })).toBe(last)
  })

  test('agrees with Temporal in all zones, at any time, also beside changes of their clocks', () => {
    const zones = Intl.supportedValuesOf('timeZone')
    const seconds = fc.integer({ min: 0, max: Date.UTC(2037, 0, 1) / 1000 })
    const check = (tz: string, second: number): void => {
      const local = new Date(second * 1000).toISOString().slice(0, 19)
      const plain = Temporal.PlainDateTime.from(local)
      const [date = '', time = ''] = local.split('T')
      const expectOf = (disambiguation: 'earlier' | 'later' | 'compatible'): number =>
        plain.toZonedDateTime(tz, { disambiguation }).epochMilliseconds
      expect(scheduleLocal({ date, time, tz, gap: 'shift' }).getTime()).toBe(expectOf('compatible'))
      expect(scheduleLocal({ date, time, tz, gap: 'shift', overlap: 'last' }).getTime()).toBe(expectOf('later'))
    }
    fc.assert(fc.property(fc.constantFrom(...zones), seconds, check), { numRuns: 200 })
    for (const tz of [
      'Europe/Berlin',
      'America/St_Johns',
      'Australia/Lord_Howe',
      'Africa/Casablanca',
      'America/Sao_Paulo',
    ]) {
      for (let zoned = Temporal.Instant.from('2016-01-01T00:00Z').toZonedDateTimeISO(tz); ; ) {
        const change = zoned.getTimeZoneTransition('next')
        if (change === null || change.year > 2026) break
        for (const minutes of [-90, -60, -31, -30, -1, 0, 1, 30, 59, 60, 90]) {
          check(tz, Date.parse(`${change.toPlainDateTime().add({ minutes }).toString()}Z`) / 1000)
        }
        zoned = change
      }
    }
  })
})

describe('without a date', () => {
  test.each([
    // The day is that of the zone, where it is tomorrow already.
    ['Pacific/Auckland', '2026-11-22T19:00:00Z', '2026-11-22T20:00:00.000Z'],
    ['Pacific/Auckland', '2026-11-22T20:00:00Z', '2026-11-23T20:00:00.000Z'],
    ['America/Los_Angeles', '2026-11-22T02:00:00Z', '2026-11-22T17:00:00.000Z'],
    // Samoa had no December 30th in 2011.
    ['Pacific/Apia', '2011-12-29T20:00:00Z', '2011-12-30T19:00:00.000Z'],
  ])('it is the next time in %s after %s', (tz, now, moment) => {
    expect(at({ time: '09:00', tz, now: new Date(now) })).toBe(moment)
  })

  test('a time whose first occurrence has passed comes the next day', () => {
    const now = new Date('2026-10-25T00:45:00Z')
    expect(at({ time: '02:30', tz: 'Europe/Berlin', now })).toBe('2026-10-26T01:30:00.000Z')
    expect(at({ time: '02:30', tz: 'Europe/Berlin', now, overlap: 'last' })).toBe('2026-10-25T01:30:00.000Z')
  })

  test('it is later than now, and shows the time', () => {
    const moment = scheduleLocal({ time: '09:00', tz: 'Asia/Kolkata' })
    expect(moment.getTime()).toBeGreaterThan(Date.now())
    expect(moment.toISOString()).toMatch(/T03:30:00\.000Z$/)
  })
})

test.each([
  [{ time: '9:00' }, 'time'],
  [{ time: '24:00' }, 'time'],
  [{ time: '09:00', tz: 'Mars/Olympus' }, 'tz'],
  [{ time: '09:00', tz: '' }, 'tz'],
  [{ time: '09:00', date: '2026-02-30' }, 'date'],
  [{ time: '09:00', date: '22.11.2026' }, 'date'],
  [{ time: '09:00', date: '1969-12-31' }, 'date'],
  [{ time: '09:00', gap: 'skip' as 'end' }, 'gap'],
  [{ time: '09:00', overlap: 'both' as 'last' }, 'overlap'],
  [{ time: '09:00', now: new Date('never') }, 'now'],
])('%j is refused by name', (options, name) => {
  expect(() => scheduleLocal({ tz: 'UTC', ...options })).toThrow(
    expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(`\`${name}\``) }),
  )
})

import { Cron } from 'croner'
import { expected } from '../options.ts'
import type { Times } from './times.ts'
import { requireZone } from './zone-clock.ts'

/**
 * The moments of a cron expression by the clocks of a zone: minute, hour, day of the month, month, day of the week, with
 * seconds before them if there are six fields; or `@daily` and its like. Throws a `UsageError` for one that is
 * wrong, or never comes (`0 0 30 2 *`).
 *
 * When clocks are put forward, a rule of one hour and one minute (`30 2 * * *`) comes at the first moment after the gap,
 * and others leave out what is in it; when they are put back the former comes once, the others twice.
 *
 * @param tz name of the zone
 * @example
 * await queue.schedules.set('report', { tube: 'reports', times: cron('0 9 * * MON-FRI', 'Europe/Paris') })
 */
export function cron(expression: string, tz: string = 'UTC'): Times {
  requireZone(tz)
  const parsed = parse(expression, tz)
  const times: Times = {
    cron: expression,
    tz,
    next: (after, count) => parsed.nextRuns(count, after),
    previous: (before) => parsed.previousRuns(1, before)[0],
  }
  if (parsed.nextRun() === null) throw expected('expression', 'a cron expression that comes some day', expression)
  return times
}

function parse(expression: string, tz: string): Cron {
  try {
    const parsed = new Cron(expression, { timezone: tz, mode: '5-or-6-parts', paused: true })
    // It takes a date as well.
    if (parsed.getPattern() !== undefined) return parsed
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error
    throw expected('expression', `a cron expression (${error.message})`, expression)
  }
  throw expected('expression', 'a cron expression of five or six fields', expression)
}

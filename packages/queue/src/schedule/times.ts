import type { Schedule } from '../wire/schedules.ts'

/** Moments by a rule; `cron` of `@tarantella/queue/schedules` makes one. */
export interface Times {
  /** The rule and its zone as texts of up to 256 and 64 bytes: two of the same texts are the same rule. */
  readonly cron: string
  readonly tz: string
  /** Up to `count` moments later than `after`, ascending; fewer if the rule ends. */
  next(after: Date, count: number): Date[]
  /** The last moment before `before`. */
  previous(before: Date): Date | undefined
}

/** A list is filled up to so many ticks and so far ahead, whichever is more; the server keeps 1000. */
const WANTED_TICKS = 100
const WANTED_AHEAD_MS = 4 * 3_600_000
const MAX_TICKS = 1000
/** Below one of these it is time to. The server's health warns at 10 ticks and an hour. */
const LOW_TICKS = 50
const LOW_AHEAD_MS = 2 * 3_600_000

/** Whether a schedule wants more ticks. Paused ones do not: ticks of a pause are passed over. */
export function isLow({ kind, state, ticksLeft = 0, lastKnown }: Schedule, now: number): boolean {
  if (kind !== 'ticks' || (state !== 'active' && state !== 'dry')) return false
  return ticksLeft < LOW_TICKS || (lastKnown?.getTime() ?? 0) < now + LOW_AHEAD_MS
}

/** The ticks that fill up a schedule, or a new one if `known` is absent or of another rule. */
export function ticksToAdd(times: Times, known: Schedule | undefined, now: number): Date[] {
  const isSame = known?.kind === 'ticks' && known.cron === times.cron && known.tz === times.tz
  const lastKnown = isSame ? known.lastKnown : undefined
  const left = isSame ? (known.ticksLeft ?? 0) : 0
  const ticks: Date[] = []
  let after = lastKnown === undefined ? new Date(now) : startOf(times, lastKnown, known?.catchUp, now)
  for (;;) {
    const total = left + ticks.length
    const isEnough = total >= WANTED_TICKS && after.getTime() >= now + WANTED_AHEAD_MS
    if (isEnough || total >= MAX_TICKS) return ticks
    const missing = total < WANTED_TICKS ? WANTED_TICKS - total : WANTED_TICKS
    const more = times.next(after, Math.min(missing, MAX_TICKS - total))
    const last = more.at(-1)
    if (last === undefined) return ticks
    ticks.push(...more)
    after = last
  }
}

/**
 * Where to go on. Of ticks that came while nobody topped up, those that `catch_up` makes the server put
 * are named too: all, or the last.
 */
function startOf(times: Times, lastKnown: Date, catchUp: Schedule['catchUp'] | undefined, now: number): Date {
  if (lastKnown.getTime() >= now || catchUp === 'all') return lastKnown
  const previous = times.previous(new Date(now))
  if (previous === undefined || previous <= lastKnown) return lastKnown
  return new Date(previous.getTime() - 1)
}

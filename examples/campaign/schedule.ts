import { localMorning } from './local-time.ts'
import type { Platform, Recipient } from './recipients.ts'

const DAY_MS = 86_400_000

export interface PlannedPush {
  readonly recipient: Recipient
  readonly tube: Platform
  /** When the push is due in the demo: milliseconds since 1970, whole. */
  readonly dueAt: number
}

/** One day of a campaign, compressed so that 24 hours take `daySeconds`. */
export interface DayPlan {
  /** In the order in which they are due. */
  readonly pushes: readonly PlannedPush[]
  /** When the first and the last push are due in the demo, milliseconds since 1970. */
  readonly firstDueAt: number
  readonly lastDueAt: number
  /** The moment of the campaign's own day that the demo shows at `now`: milliseconds since 1970. */
  readonly campaignTime: (now: number) => number
}

/**
 * Puts the mornings of all recipients on one compressed time line that begins at `startAt` with the easternmost of them.
 *
 * @param day `date` as for {@link localMorning}; `startAt` in milliseconds since 1970; `daySeconds` for 24 hours: what a
 *   campaign day really spans, up to 26 hours from Kiritimati to Midway, takes accordingly longer
 */
export function planDay(
  recipients: readonly Recipient[],
  day: { readonly date: string; readonly startAt: number; readonly daySeconds: number },
): DayPlan {
  // Converting is slow (0.1 ms and more), and there are a few hundred zones at most.
  const mornings = new Map<string, number>()
  for (const { zone } of recipients) {
    if (!mornings.has(zone)) mornings.set(zone, localMorning(zone, day.date))
  }
  const first = Math.min(...mornings.values())
  const msPerMs = (day.daySeconds * 1000) / DAY_MS
  const startAt = Math.ceil(day.startAt)
  const pushes = recipients.map((recipient) => {
    const morning = mornings.get(recipient.zone) ?? first
    return { recipient, tube: recipient.platform, dueAt: startAt + Math.round((morning - first) * msPerMs) }
  })
  pushes.sort((a, b) => a.dueAt - b.dueAt)
  return {
    pushes,
    firstDueAt: startAt,
    lastDueAt: pushes.at(-1)?.dueAt ?? startAt,
    campaignTime: (now) => first + (now - startAt) / msPerMs,
  }
}

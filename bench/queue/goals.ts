import { type Figure, print, type Result } from '../harness/report.ts'

/** Times as many whole cycles a second as a peer, through the plain API. */
const FASTER_THAN = { 'tarantool-driver+queue': 10, bullmq: 10 }
/** Beyond those: durable cycles a second on two cores, client included. */
const CYCLES_PER_SECOND = 100_000
const BATCH_CPU_US = 8
const IDLE_MS = 1

/** Prints what became of the goals; whether they are met depends on the machine too, so nothing is asserted. */
export function printGoals(results: readonly Result[], figures: readonly Figure[]): void {
  const cycles = (subject: string): Result | undefined =>
    results.find((result) => result.subject === subject && result.case === 'cycle')
  const plain = cycles('tarantella')
  for (const [peer, times] of Object.entries(FASTER_THAN)) {
    const theirs = cycles(peer)
    if (plain === undefined || theirs === undefined) continue
    const ratio = plain.perSecond / theirs.perSecond
    say(`cycles a second: ${ratio.toFixed(1)} times ${peer}`, `>= ${times}`, ratio >= times)
  }
  const batch = cycles('tarantella-batch')
  if (batch !== undefined) {
    say(
      `client CPU a cycle in batches: ${batch.cpuUsPerOp.toFixed(2)} us`,
      `<= ${BATCH_CPU_US}`,
      batch.cpuUsPerOp <= BATCH_CPU_US,
    )
  }
  const idle = figures.find(({ subject }) => subject === 'tarantella')
  if (idle !== undefined) {
    say(
      `median from put to handler on an idle queue: ${idle.value.toFixed(2)} ms`,
      `< ${IDLE_MS}`,
      idle.value < IDLE_MS,
    )
  }
  const best = Math.max(plain?.perSecond ?? 0, batch?.perSecond ?? 0)
  if (best > 0) {
    say(
      `durable cycles a second at best: ${Math.round(best).toLocaleString('en')}`,
      `>= ${CYCLES_PER_SECOND.toLocaleString('en')}`,
      best >= CYCLES_PER_SECOND,
    )
  }
}

function say(what: string, goal: string, isMet: boolean): void {
  print(`${what} (goal ${goal}: ${isMet ? 'yes' : 'no'})`)
}

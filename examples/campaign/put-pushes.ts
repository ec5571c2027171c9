import { ConnectionError, TarantellaError, TimeoutError } from '@tarantella/connector'
import type { Queue } from '@tarantella/queue'
import { pause } from './pause.ts'
import type { Push } from './push-service.ts'
import type { PlannedPush } from './schedule.ts'

/** Puts that wait for their confirmation at once; the queue client joins them into few requests. */
const SLICE = 1_000
const MAX_ATTEMPTS = 10
const FIRST_PAUSE_MS = 100
const MAX_PAUSE_MS = 2_000

/**
 * Puts every push ahead of its due moment, those due first at first. Resolves when the server has confirmed all.
 *
 * @throws the error of a put that no repetition can mend; the signal's reason
 */
export async function putPushes(queue: Queue, pushes: readonly PlannedPush[], signal: AbortSignal): Promise<void> {
  for (let from = 0; from < pushes.length; from += SLICE) {
    signal.throwIfAborted()
    const slice = pushes.slice(from, from + SLICE)
    await Promise.all(slice.map((push) => putSurely(queue, push, signal)))
  }
}

async function putSurely(queue: Queue, { recipient, tube, dueAt }: PlannedPush, signal: AbortSignal): Promise<void> {
  const push: Push = { id: recipient.id, token: recipient.token, title: 'Good morning!' }
  for (let attempt = 1; ; attempt++) {
    try {
      // By its moment and not by the seconds until then: what the request takes on its way does not move it.
      await queue.tube<Push>(tube).put(push, { at: new Date(dueAt), ttr: 30 })
      return
    } catch (error) {
      if (attempt === MAX_ATTEMPTS || !mayRepeat(error)) throw error
      await pause(Math.min(FIRST_PAUSE_MS * 2 ** (attempt - 1), MAX_PAUSE_MS), signal)
    }
  }
}

/**
 * A refusal for a passing reason left nothing behind. A put whose confirmation was lost may have been stored: putting it
 * again may deliver twice, which the ledger counts; not putting it may deliver never.
 */
function mayRepeat(error: unknown): boolean {
  if (!(error instanceof TarantellaError)) return false
  return error.retryable || (error.sent && (error instanceof ConnectionError || error instanceof TimeoutError))
}

import type { Caller } from '../ports.ts'
import { toQueueError } from './server-errors.ts'
import { unexpected } from './task-tuple.ts'

/** The third argument of `queue.limit_many`. */
export interface WireLimit {
  readonly rate: number
  readonly burst: number
  readonly delay: number
  readonly nodelay: boolean
  readonly size: number
}

/** `seconds`: to wait before going on when granted, before asking again when not. */
export interface WireVerdict {
  readonly granted: boolean
  readonly seconds: number
  readonly excess: number
}

/** `queue.limit_many(name, {key, …}, {rate, burst, delay, nodelay, size})` → per key `[granted, seconds, excess]`. */
export async function limitMany(
  caller: Caller,
  name: string,
  keys: readonly string[],
  limit: WireLimit,
): Promise<WireVerdict[]> {
  const reply = await caller.call('queue.limit_many', [name, keys, limit]).catch((error: unknown) => {
    throw toQueueError(error, 'queue.limit_many')
  })
  const [verdicts] = reply
  if (!Array.isArray(verdicts) || verdicts.length !== keys.length) {
    throw unexpected(`an array of ${keys.length} verdicts`, verdicts)
  }
  return verdicts.map(toVerdict)
}

function toVerdict(verdict: unknown): WireVerdict {
  if (!Array.isArray(verdict)) throw unexpected('a verdict [granted, seconds, excess]', verdict)
  const parts: unknown[] = verdict
  const [granted, seconds, excess] = parts
  if (typeof granted !== 'boolean' || typeof seconds !== 'number' || typeof excess !== 'number') {
    throw unexpected('a verdict [granted, seconds, excess]', verdict)
  }
  return { granted, seconds, excess }
}

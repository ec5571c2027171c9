import { QueueError } from '../errors.ts'
import type { Refused } from './rate-limiter.ts'

/** A limited call was refused, and has not run. Code `TOO_MANY_REQUESTS`. */
export class TooManyRequestsError extends QueueError {
  readonly key: string
  /** Milliseconds after which one call of this key would be granted, if no other comes first. */
  readonly retryAfterMs: number

  constructor(key: string, { retryAfterMs }: Refused) {
    super('TOO_MANY_REQUESTS', `Too many calls of ${JSON.stringify(key)}: try again in ${retryAfterMs} ms`, {
      retryable: true,
    })
    this.key = key
    this.retryAfterMs = retryAfterMs
  }
}

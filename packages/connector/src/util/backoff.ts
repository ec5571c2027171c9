export interface BackoffPolicy {
  /** Milliseconds before the first try; each further one waits twice as long. */
  readonly minDelayMs: number
  /** The longest wait, in milliseconds. */
  readonly maxDelayMs: number
  /** How many tries before giving up. */
  readonly attempts: number
}

/**
 * Milliseconds to wait before try number `attempt` (1 is the first), or undefined to give up.
 * The upper half of each delay is random, so that the clients of a restarted server do not return all at once.
 */
export function backoffDelay(policy: BackoffPolicy, attempt: number, random: () => number): number | undefined {
  if (attempt > policy.attempts) return undefined
  // 2^30 times any delay is beyond every sensible maximum, and stays a finite number.
  const full = Math.min(policy.maxDelayMs, policy.minDelayMs * 2 ** Math.min(attempt - 1, 30))
  return full / 2 + (full / 2) * random()
}

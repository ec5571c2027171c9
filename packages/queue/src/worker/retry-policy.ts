import type { RetryPolicy } from './options.ts'

/** What happens to a task whose handler has failed. */
export type RetryDecision = { readonly action: 'release'; readonly delay: number } | { readonly action: 'bury' }

/**
 * Decides after try number `attempt` (1 for the first). `random` is in [0, 1) and takes up to
 * `jitter` of the pause away, so a pause is never longer than the policy says.
 */
export function decideRetry(policy: RetryPolicy, attempt: number, random: number): RetryDecision {
  if (attempt >= policy.attempts) return { action: 'bury' }
  const pause = Math.min(policy.delay * growth(policy.backoff, attempt), policy.maxDelay)
  return { action: 'release', delay: pause * (1 - policy.jitter * random) }
}

function growth(backoff: RetryPolicy['backoff'], attempt: number): number {
  switch (backoff) {
    case 'fixed':
      return 1
    case 'linear':
      return attempt
    case 'exponential':
      return 2 ** (attempt - 1)
  }
}

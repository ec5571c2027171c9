import { expected, requireInteger, requireSeconds } from '../options.ts'
import type { Task } from '../task.ts'

/** What a handler gets beside its task. */
export interface HandlerContext {
  /** Aborts when the worker's close() has waited its grace time: stop, the task goes back to the tube. */
  readonly signal: AbortSignal
  /** 1 for the first try of this task in this worker, counted over its retries. */
  readonly attempt: number
}

/**
 * Does a task's work. When it resolves the task is acked; when it throws or rejects the task is
 * retried by {@link RetryOptions}. A handler that settles the task itself is left alone.
 */
export type Handler<T> = (task: Task<T>, context: HandlerContext) => unknown

export interface RetryOptions {
  /** Tries in all; after the last one the task is buried. @default 5 */
  readonly attempts?: number
  /** How the pause grows from try to try. @default 'exponential' */
  readonly backoff?: 'fixed' | 'linear' | 'exponential'
  /** Seconds of the first pause. @default 1 */
  readonly delay?: number
  /** Seconds of the longest pause. @default 3600 */
  readonly maxDelay?: number
  /** Share of each pause that is random, 0 to 1, so that failures do not return all at once. @default 0.2 */
  readonly jitter?: number
}

export interface WorkerOptions {
  /** Handlers that run at the same time at most. @default 16 */
  readonly concurrency?: number
  /**
   * Tasks held beyond those being worked on, so that handlers need not wait for the network.
   * `'auto'` holds about what the handlers finish in 20 ms, nothing when they are slow. @default 'auto'
   */
  readonly prefetch?: number | 'auto'
  readonly retry?: RetryOptions
}

export type RetryPolicy = Required<RetryOptions>

export interface ResolvedWorkerOptions {
  readonly concurrency: number
  readonly prefetch: number | 'auto'
  readonly retry: RetryPolicy
}

export const WORKER_DEFAULTS: ResolvedWorkerOptions = Object.freeze({
  concurrency: 16,
  prefetch: 'auto',
  retry: Object.freeze({ attempts: 5, backoff: 'exponential', delay: 1, maxDelay: 3600, jitter: 0.2 }),
})

/** Handlers and prefetched tasks of one worker at most. */
const MAX_CONCURRENCY = 100_000

export function resolveWorkerOptions(options: WorkerOptions): ResolvedWorkerOptions {
  const { concurrency = WORKER_DEFAULTS.concurrency, prefetch = WORKER_DEFAULTS.prefetch } = options
  requireInteger('concurrency', concurrency, 1, MAX_CONCURRENCY)
  if (prefetch !== 'auto') requireInteger('prefetch', prefetch, 0, MAX_CONCURRENCY)
  return Object.freeze({ concurrency, prefetch, retry: resolveRetry(options.retry) })
}

function resolveRetry(options: RetryOptions = {}): RetryPolicy {
  const { retry } = WORKER_DEFAULTS
  const policy: RetryPolicy = {
    attempts: options.attempts ?? retry.attempts,
    backoff: options.backoff ?? retry.backoff,
    delay: options.delay ?? retry.delay,
    maxDelay: options.maxDelay ?? retry.maxDelay,
    jitter: options.jitter ?? retry.jitter,
  }
  requireInteger('retry.attempts', policy.attempts, 1)
  requireSeconds('retry.delay', policy.delay)
  requireSeconds('retry.maxDelay', policy.maxDelay)
  if (!['fixed', 'linear', 'exponential'].includes(policy.backoff)) {
    throw expected('retry.backoff', "'fixed', 'linear' or 'exponential'", policy.backoff)
  }
  if (!(policy.jitter >= 0 && policy.jitter <= 1)) throw expected('retry.jitter', 'a number from 0 to 1', policy.jitter)
  return Object.freeze(policy)
}

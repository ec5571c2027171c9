import { UsageError } from '../errors.ts'
import { expected, requireInteger, requireSeconds } from '../options.ts'
import type { Task } from '../task.ts'

/** What a handler gets beside its task. */
export interface HandlerContext {
  /**
   * Aborts when the handler should stop, with a {@link QueueError} as reason: `LEASE_LOST` when the task
   * is not this worker's any more, `HANDLER_TIMEOUT` after `timeoutMs`, `QUEUE_CLOSED` when close() has
   * waited its grace time.
   */
  readonly signal: AbortSignal
  /** Whether {@link signal} has aborted. */
  readonly isAborted: boolean
  /** 1 for the first try of this task in this worker, counted over its retries. */
  readonly attempt: number
}

/**
 * Does a task's work. When it resolves the task is acked; when it throws or rejects the task is
 * retried by {@link RetryOptions}. A handler that settles the task itself is left alone.
 */
export type Handler<T> = (task: Task<T>, context: HandlerContext) => unknown

export interface RetryOptions {
  /** Tries in all; after the last one the task is buried, or moved to its tube's dead-letter tube. @default 5 */
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
  /**
   * Seconds of the tasks' ttr, for the heartbeat; the least one if they differ.
   * @default what this client's createTube() named, else unknown
   */
  readonly ttr?: number
  /**
   * Touches held tasks before their ttr ends, so that a handler may take longer than it. Without it,
   * tasks that wait for a handler for a third of `ttr` go back to the tube. Needs `ttr`, and a type of
   * tube that has one. @default true if `ttr` is known
   */
  readonly heartbeat?: boolean
  /**
   * Milliseconds a handler may take; then its signal aborts and the task counts as failed. A handler
   * that does not end within a second occupies its place until it does. @default no limit
   */
  readonly timeoutMs?: number
  /** Milliseconds after which a handler that still runs is told of by the event `stalled`. @default never */
  readonly stalledAfterMs?: number
  /** Handlers that run at the same time at most. @default 16 */
  readonly concurrency?: number
  /**
   * Tasks held beyond those being worked on, so that handlers need not wait for the network.
   * `'auto'` holds about what the handlers finish in 20 ms, nothing when they are slow. @default 'auto'
   */
  readonly prefetch?: number | 'auto'
  /**
   * What becomes of tasks whose handler has failed. `'tube'`: what the task or its tube says (`maxAttempts`,
   * `backoff`, `deadLetter`). Options: the worker decides, and the last try is the task's end: it is moved to
   * the dead-letter tube, or buried where there is none. @default `'tube'` if the first task that fails has
   * `maxAttempts` or `backoff`, or its tube does, else the default options
   */
  readonly retry?: RetryOptions | 'tube'
  /**
   * Acks with what the handler resolves to as the task's result, for {@link Tube.wait}: any MessagePack value;
   * one that is none is a failure. Needs a tube with `keep`. @default false
   */
  readonly complete?: boolean
}

export type RetryPolicy = Required<RetryOptions>

export interface ResolvedWorkerOptions {
  /** `undefined`: not known, and no heartbeat. */
  readonly ttr: number | undefined
  readonly heartbeat: boolean
  readonly timeoutMs: number | undefined
  readonly stalledAfterMs: number | undefined
  readonly concurrency: number
  readonly prefetch: number | 'auto'
  readonly retry: RetryPolicy
  /** Who decides about failed tasks, see Retry. */
  readonly retryBy: 'tube' | 'worker' | 'unknown'
  readonly complete: boolean
}

export const WORKER_DEFAULTS: ResolvedWorkerOptions = Object.freeze({
  ttr: undefined,
  heartbeat: true,
  timeoutMs: undefined,
  stalledAfterMs: undefined,
  concurrency: 16,
  prefetch: 'auto',
  retry: Object.freeze({ attempts: 5, backoff: 'exponential', delay: 1, maxDelay: 3600, jitter: 0.2 }),
  retryBy: 'unknown',
  complete: false,
})

/** Handlers and prefetched tasks of one worker at most. */
export const MAX_CONCURRENCY = 100_000

export function resolveWorkerOptions(options: WorkerOptions): ResolvedWorkerOptions {
  const { concurrency = WORKER_DEFAULTS.concurrency, prefetch = WORKER_DEFAULTS.prefetch } = options
  requireInteger('concurrency', concurrency, 1, MAX_CONCURRENCY)
  if (prefetch !== 'auto') requireInteger('prefetch', prefetch, 0, MAX_CONCURRENCY)
  const { timeoutMs, stalledAfterMs } = options
  if (timeoutMs !== undefined) requireInteger('timeoutMs', timeoutMs, 1)
  if (stalledAfterMs !== undefined) requireInteger('stalledAfterMs', stalledAfterMs, 1)
  const lease = resolveLease(options)
  return Object.freeze({
    concurrency,
    prefetch,
    ...lease,
    timeoutMs,
    stalledAfterMs,
    retry: resolveRetry(options.retry === 'tube' ? {} : options.retry),
    retryBy: options.retry === 'tube' ? 'tube' : options.retry === undefined ? 'unknown' : 'worker',
    complete: options.complete ?? WORKER_DEFAULTS.complete,
  })
}

function resolveLease({ ttr, heartbeat }: WorkerOptions): Pick<ResolvedWorkerOptions, 'ttr' | 'heartbeat'> {
  if (ttr !== undefined && !(Number.isFinite(ttr) && ttr > 0)) throw expected('ttr', 'seconds > 0', ttr)
  if (heartbeat === true && ttr === undefined) {
    throw new UsageError(
      'INVALID_ARGUMENT',
      'Expected `ttr` to be given with `heartbeat`: the ttr of the tube is not known',
    )
  }
  return { ttr, heartbeat: heartbeat ?? WORKER_DEFAULTS.heartbeat }
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

import { expected, requireInteger } from '../options.ts'
import type { Task } from '../task.ts'
import { MAX_CONCURRENCY, type WorkerOptions } from '../worker/options.ts'

/**
 * Writes records, all or none. What it resolves for is acked. After it has thrown, or after a crash, the
 * same records come again, so a record that is written twice must leave the store as if it were written once.
 */
export type StoreFunction<T> = (records: readonly T[], call: StoreCall<T>) => unknown

/** What a {@link StoreFunction} gets beside its records. */
export interface StoreCall<T> {
  /** The tasks of the records, in the same order. */
  readonly tasks: readonly Task<T>[]
  /** Aborts with `QUEUE_CLOSED` when close() has waited its grace time. */
  readonly signal: AbortSignal
}

/** Options of {@link batchWriter}. Those of the worker are about the leases, and about records that the store refuses. */
export interface BatchWriterOptions extends Pick<WorkerOptions, 'ttr' | 'heartbeat' | 'stalledAfterMs' | 'retry'> {
  /** Records of one call of the store at most. @default 1000 */
  readonly maxSize?: number
  /** Milliseconds that the oldest record may wait for others. @default 1000 */
  readonly maxAgeMs?: number
  /** Records held at most, those that are being written included; then nothing is taken. @default four times `maxSize` */
  readonly maxBuffered?: number
  /** Milliseconds before the first repetition of a failed call; each further one waits twice as long. @default 100 */
  readonly minDelayMs?: number
  /** @default 30 000 */
  readonly maxDelayMs?: number
  /** Failures in a row after which a batch is split, and failures alone after which a record counts as refused. @default 3 */
  readonly tries?: number
  /**
   * Resolves if the store works, and rejects if not. Asked before anything is taken, and after each failure.
   * @default none: a failed batch, and whatever comes meanwhile, is held and tried again
   */
  readonly ready?: (signal: AbortSignal) => unknown
  /** Whether an error of the store is not about its records; then no batch is split for it. @default none is known to be */
  readonly isOutage?: (error: unknown) => boolean
}

export interface ResolvedWriterOptions {
  readonly maxSize: number
  readonly maxAgeMs: number
  readonly maxBuffered: number
  readonly minDelayMs: number
  readonly maxDelayMs: number
  readonly tries: number
  readonly ready: ((signal: AbortSignal) => unknown) | undefined
  readonly isOutage: (error: unknown) => boolean
}

export function resolveWriterOptions(options: BatchWriterOptions): ResolvedWriterOptions {
  const { maxSize = 1000, maxAgeMs = 1000, minDelayMs = 100, maxDelayMs = 30_000, tries = 3 } = options
  requireInteger('maxSize', maxSize, 1, MAX_CONCURRENCY)
  const { maxBuffered = Math.min(4 * maxSize, MAX_CONCURRENCY), ready, isOutage = () => false } = options
  requireInteger('maxAgeMs', maxAgeMs, 0)
  requireInteger('maxBuffered', maxBuffered, maxSize, MAX_CONCURRENCY)
  requireInteger('minDelayMs', minDelayMs, 1)
  requireInteger('maxDelayMs', maxDelayMs, minDelayMs)
  requireInteger('tries', tries, 1)
  if (ready !== undefined && typeof ready !== 'function') throw expected('ready', 'a function', ready)
  if (typeof isOutage !== 'function') throw expected('isOutage', 'a function', isOutage)
  return Object.freeze({ maxSize, maxAgeMs, maxBuffered, minDelayMs, maxDelayMs, tries, ready, isOutage })
}

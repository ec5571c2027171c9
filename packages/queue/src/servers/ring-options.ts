import { expected, requireSeconds, requireText } from '../options.ts'
import type { WorkerOptions } from '../worker/options.ts'
import type { MembersOptions } from './members.ts'

/** Options of a {@link Ring}. */
export interface RingOptions extends MembersOptions {
  /** Which of the servers is this one's: its batons are handled here, and it is the last to get what is passed on. */
  readonly self: string
  /** The tube of the batons, on every server; of type fifottl and with `dedup`. @default 'baton' */
  readonly tube?: string
  /** The tube of what each server knows of each mailing; of the same kind. @default 'baton_watch' */
  readonly watchTube?: string
  /**
   * Seconds without a baton of a mailing after which its last one is issued again; more than a batch takes,
   * times the number of servers, and more than their clocks differ. @default 30
   */
  readonly silence?: number
  /** Seconds for which it is known that a mailing has ended, and that a baton has been here. @default 3600 */
  readonly remember?: number
}

export interface ResolvedRing {
  readonly self: string
  readonly tube: string
  readonly watchTube: string
  readonly silence: number
  readonly remember: number
}

export function resolveRing(options: RingOptions): ResolvedRing {
  const { self, tube = 'baton', watchTube = 'baton_watch', silence = 30, remember = 3600 } = options
  requireText('tube', tube)
  requireText('watchTube', watchTube)
  requireSeconds('silence', silence)
  requireSeconds('remember', remember)
  if (!(silence > 0)) throw expected('silence', 'seconds > 0', silence)
  if (!Object.hasOwn(options.servers, self)) throw expected('self', 'the name of one of the servers', self)
  return { self, tube, watchTube, silence, remember }
}

/** What a {@link RingHandler} gets beside the baton. */
export interface RingStep {
  readonly mailing: string
  readonly hop: number
  /** Aborts as that of a worker's handler. */
  readonly signal: AbortSignal
}

/** What a {@link RingHandler} has found. */
export interface RingResult<B> {
  /** The baton for the next batch; absent when there is none. */
  readonly next?: B
  /**
   * Puts this batch to the own server. It runs after the next baton is stored elsewhere, and before this one is
   * acked, and it may run twice: name its tasks by a `key`.
   */
  readonly work?: () => unknown
}

/** Picks the batch that begins at the baton, without doing anything about it; see {@link RingResult}. */
export type RingHandler<B> = (data: B, step: RingStep) => RingResult<B> | Promise<RingResult<B>>

/** Options of {@link Ring.work}; without `concurrency` one baton is handled at a time. */
export type RingWorkOptions = Pick<WorkerOptions, 'concurrency' | 'retry' | 'ttr'>

/** For observers. */
export interface RingEvents {
  /** A baton was stored on this server. */
  passed: [mailing: string, hop: number, server: string]
  /** No baton of the mailing was seen for `silence` seconds: this one was issued again. */
  reissued: [mailing: string, hop: number, server: string]
  /** The mailing goes on without this baton, or has ended. */
  dropped: [mailing: string, hop: number]
  /** A server could not be reached. */
  unreached: [server: string, error: unknown]
  /** A baton could not be handled or passed on, or the watch could not be kept; both are tried again. */
  failed: [error: unknown]
}

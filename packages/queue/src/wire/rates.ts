// queue.pause(tube, {utube}), queue.resume(tube, {utube}) → whether that changed anything
// queue.set_rate(tube, {rate, burst, utube | each}) → true
import { UsageError } from '../errors.ts'
import { expected } from '../options.ts'
import type { QueueServer } from './server.ts'

/** Options of {@link Tube.setRate}; without a lane and `each` it is the whole tube's. */
export interface SetRateOptions {
  /** Deliveries a second, from 0.001 to 1 000 000; `null` for no limit. */
  readonly rate: number | null
  /** Deliveries at once beyond the rate, after an idle time. @default 0 */
  readonly burst?: number
  /** Of this lane alone. */
  readonly utube?: string
  /** Of each lane that has no rate of its own. */
  readonly each?: boolean
}

/** Options of {@link Tube.pause} and {@link Tube.resume}. */
export interface PauseOptions {
  /** This lane alone. @default the whole tube */
  readonly utube?: string
}

export async function switchTube(
  server: QueueServer,
  fn: 'queue.pause' | 'queue.resume',
  tube: string,
  options: PauseOptions,
): Promise<boolean> {
  return (await server.call(fn, [tube, options]))[0] === true
}

export async function setRate(server: QueueServer, tube: string, options: SetRateOptions): Promise<void> {
  const { rate, burst } = options
  if (rate !== null && !(rate >= 0.001 && rate <= 1_000_000)) {
    throw expected('rate', 'a number from 0.001 to 1000000, or null', rate)
  }
  if (burst !== undefined && rate === null) {
    throw new UsageError('INVALID_ARGUMENT', 'Expected a `rate` beside `burst`')
  }
  await server.call('queue.set_rate', [tube, options])
}

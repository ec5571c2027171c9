import { setImmediate as endOfTurn } from 'node:timers/promises'
import { isPassing } from '../errors.ts'
import type { Clock } from '../ports.ts'
import { takeBatch } from '../take/take-batch.ts'
import type { QueueServer } from '../wire/server.ts'
import type { Delivery } from '../wire/task-tuple.ts'
import type { Slots } from './slots.ts'

export interface TakeLoop {
  readonly tube: string
  readonly server: QueueServer
  readonly clock: Clock
  readonly options: { readonly maxBatch: number }
  readonly nextKey: () => number
  readonly onReconnect: () => Promise<void>
  readonly slots: Slots
  /** Ends the loop. */
  readonly signal: AbortSignal
  /** How many slots there are at the moment. */
  readonly limit: () => number
  readonly accept: (delivery: Delivery) => void
  readonly refused: (error: unknown) => void
}

/** Pause after a refused take: doubles from the first to the second, ms. */
const MIN_PAUSE_MS = 50
const MAX_PAUSE_MS = 5000

/**
 * Takes as many tasks as slots are free, for as long as the signal allows. With no task in the
 * tube one call waits at the server, without a time limit: nothing is polled.
 *
 *   free slots? ─no─> wait for a release ─┐
 *    ^  └─yes─> take_many(free) ──> accept each
 *    └────────────────────────────────────┘
 *
 * Resolves when the signal aborts; rejects with an error that no later take can be without.
 */
export async function runTakeLoop(loop: TakeLoop): Promise<void> {
  const { slots, signal } = loop
  const isOver = (): boolean => signal.aborted
  let pause = MIN_PAUSE_MS
  while (!isOver()) {
    // All handlers that this turn's replies end have ended then, and one call asks for all their slots.
    await endOfTurn()
    const free = Math.min(loop.limit() - slots.occupied, loop.options.maxBatch)
    if (free <= 0) {
      if (!isOver()) await slots.onRelease()
      continue
    }
    try {
      await takeInto(loop, free)
      pause = MIN_PAUSE_MS
    } catch (error) {
      if (isOver()) return
      loop.refused(error)
      if (!isPassing(error)) throw error
      await loop.clock.sleep(pause, signal)
      await loop.onReconnect()
      pause = Math.min(pause * 2, MAX_PAUSE_MS)
    }
  }
}

/** The slots are occupied while the call is under way, and those it brings no task for are free again. */
async function takeInto({ server, tube, slots, signal, nextKey, accept }: TakeLoop, count: number): Promise<void> {
  slots.occupy(count)
  let unused = count
  try {
    const deliveries = await takeBatch(server, {
      tube,
      count,
      seconds: Number.POSITIVE_INFINITY,
      key: nextKey(),
      signal,
    })
    unused -= deliveries.length
    for (const delivery of deliveries) accept(delivery)
  } finally {
    if (unused > 0) slots.release(unused)
  }
}

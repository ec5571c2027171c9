import type { EventEmitter } from 'node:events'

/** A listener that throws must not stop who tells it: its error surfaces as an uncaught one. */
export function emit<Events extends Record<keyof Events, unknown[]>, E extends keyof Events & string>(
  emitter: EventEmitter<Events>,
  event: E,
  ...args: Events[E]
): void {
  try {
    // The overloads of `emit` do not see that the arguments fit the event.
    ;(emitter.emit as (event: string, ...args: unknown[]) => boolean).call(emitter, event, ...args)
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
  }
}

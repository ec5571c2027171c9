import { EventEmitter } from 'node:events'
import type { TarantellaError } from '../errors.ts'
import { surface } from '../util/surface.ts'
import { Commands } from './commands.ts'

/** Events are for observers; an `error` event is never emitted, every error is in a promise. */
export interface ClientEvents {
  /** A session is established: at every reconnect, before requests that waited for it are sent. */
  connect: []
  /** The connection was lost; the client reconnects unless `close` follows. */
  disconnect: [error: TarantellaError]
  /**
   * The server has said that it stops (server >= 2.10): what was sent is waited for, what comes now is for the next
   * session. `disconnect` follows.
   */
  shutdown: []
  /** The end, once: undefined after `close()`, else why. */
  close: [error: TarantellaError | undefined]
}

/**
 * Commands that tell of events as an EventEmitter does, for listeners: only the client itself emits.
 */
export abstract class ClientEmitter extends Commands {
  readonly #events = new EventEmitter<ClientEvents>()

  on<E extends keyof ClientEvents>(event: E, listener: (...args: ClientEvents[E]) => void): this {
    // The overloads of EventEmitter do not see that E's listener fits E.
    this.#events.on(event, listener as never)
    return this
  }

  once<E extends keyof ClientEvents>(event: E, listener: (...args: ClientEvents[E]) => void): this {
    // As above.
    this.#events.once(event, listener as never)
    return this
  }

  off<E extends keyof ClientEvents>(event: E, listener: (...args: ClientEvents[E]) => void): this {
    // As above.
    this.#events.off(event, listener as never)
    return this
  }

  /** The same as {@link off}. */
  removeListener<E extends keyof ClientEvents>(event: E, listener: (...args: ClientEvents[E]) => void): this {
    return this.off(event, listener)
  }

  listenerCount(event: keyof ClientEvents): number {
    return this.#events.listenerCount(event)
  }

  /** A listener that throws must not stop what the client is doing: its error surfaces as an uncaught one. */
  protected tell<E extends keyof ClientEvents>(event: E, ...args: ClientEvents[E]): void {
    try {
      // The overloads of `emit` do not see that E's arguments fit E.
      ;(this.#events.emit as (event: E, ...args: ClientEvents[E]) => boolean).call(this.#events, event, ...args)
    } catch (error) {
      surface(error)
    }
  }
}

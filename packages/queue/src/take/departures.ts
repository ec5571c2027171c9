/**
 * Who leaves when a signal aborts: one listener a signal, however many takes share it. A listener of each would
 * cost more, and Node warns of more than ten.
 */
export class Departures {
  readonly #bySignal = new Map<AbortSignal, Departure>()

  /** Calls `leave` when the signal aborts, unless the function that this returns was called before. */
  watch(signal: AbortSignal, leave: () => void): () => void {
    let departure = this.#bySignal.get(signal)
    if (departure === undefined) {
      departure = this.#listen(signal)
      this.#bySignal.set(signal, departure)
    }
    const { leaving, unlisten } = departure
    leaving.add(leave)
    return () => {
      leaving.delete(leave)
      if (leaving.size === 0) unlisten()
    }
  }

  #listen(signal: AbortSignal): Departure {
    const leaving = new Set<() => void>()
    const onAbort = (): void => {
      this.#bySignal.delete(signal)
      for (const leave of leaving) leave()
    }
    signal.addEventListener('abort', onAbort, { once: true })
    const unlisten = (): void => {
      signal.removeEventListener('abort', onAbort)
      this.#bySignal.delete(signal)
    }
    return { leaving, unlisten }
  }
}

interface Departure {
  readonly leaving: Set<() => void>
  readonly unlisten: () => void
}

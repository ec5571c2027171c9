/** A take at the server that its caller may give up. */
export interface Recallable<Found> {
  readonly take: () => Promise<Found>
  /** Has the server end the take; rejects if it cannot be told. */
  readonly recall: () => Promise<void>
  /** For what the take still brings. Never rejects. */
  readonly giveBack: (found: Found) => Promise<void>
  readonly signal: AbortSignal | undefined
}

/**
 * Takes. When the signal aborts the take is called back at the server and rejects with the signal's
 * reason at once; what it still brings is given back.
 */
export function takeRecallably<Found>({ take, recall, giveBack, signal }: Recallable<Found>): Promise<Found> {
  if (signal === undefined) return take()
  if (signal.aborted) return Promise.reject(signal.reason)
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      reject(signal.reason)
      // If this request fails, so does the take it is about: its tasks are released with the connection.
      recall().catch(() => undefined)
    }
    signal.addEventListener('abort', abort, { once: true })
    take().then(
      (found) => {
        signal.removeEventListener('abort', abort)
        if (signal.aborted) void giveBack(found)
        else resolve(found)
      },
      (error: unknown) => {
        signal.removeEventListener('abort', abort)
        reject(error)
      },
    )
  })
}

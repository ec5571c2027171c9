/** A longer timer would ring at once. */
const MOST_TIMER_MS = 2 ** 31 - 1

/** The limits under which somebody waits. */
export interface Limits {
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
}

/**
 * Waits for a promise that others wait for as well, within limits of one's own: rejects with what `expired` makes,
 * or with the signal's reason. The promise itself goes on.
 */
export function within<T>(promise: Promise<T>, { timeoutMs, signal }: Limits, expired: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => settle(() => reject(signal?.reason))
    const timer = timeoutMs <= MOST_TIMER_MS ? setTimeout(() => settle(() => reject(expired())), timeoutMs) : undefined
    const settle = (end: () => void): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      end()
    }
    if (signal?.aborted === true) return settle(() => reject(signal.reason))
    signal?.addEventListener('abort', onAbort, { once: true })
    promise.then(
      (value) => settle(() => resolve(value)),
      (error: unknown) => settle(() => reject(error)),
    )
  })
}

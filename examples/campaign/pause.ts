import { setTimeout as sleep } from 'node:timers/promises'

/** Waits; rejects with the signal's own reason, where the timer's error would be a general one. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal })
  } catch (error) {
    signal.throwIfAborted()
    throw error
  }
}

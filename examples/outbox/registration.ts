import { setTimeout as pause } from 'node:timers/promises'
import { type Client, ConnectionError, TarantellaError, TimeoutError } from '@tarantella/connector'

/** Registers a user: his row and the task of his first mail, or neither. */
export type Register = (tnt: Client, name: string) => Promise<void>

/** By a function of the server: one request, any version. */
export async function registerByFunction(tnt: Client, name: string): Promise<void> {
  await tnt.call('register', [name])
}

/** By a transaction over the network, with nothing of its own at the server: Tarantool 2.10 and newer. */
export async function registerByStream(tnt: Client, name: string): Promise<void> {
  await tnt.begin(async (tx) => {
    await tx.insert('users', [name])
    await tx.call('queue.put', ['welcome', { name }])
  })
}

const PAUSE_MS = 10

/**
 * Registers, and does it again for as long as it is not known to have been done. The user's row makes that
 * harmless: it is there, or the task is not there either.
 */
export async function registerSurely(register: Register, tnt: Client, name: string): Promise<void> {
  for (;;) {
    try {
      await register(tnt, name)
      return
    } catch (error) {
      // The one before has been committed; only its confirmation was lost.
      if (error instanceof TarantellaError && error.code === 'ER_TUPLE_FOUND') return
      if (!mayRepeat(error)) throw error
      await pause(PAUSE_MS)
    }
  }
}

function mayRepeat(error: unknown): boolean {
  if (!(error instanceof TarantellaError)) return false
  return error.retryable || error instanceof ConnectionError || error instanceof TimeoutError
}

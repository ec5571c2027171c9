import { asConnectError } from '../connection/failures.ts'
import type { TarantellaError } from '../errors.ts'
import { type BackoffPolicy, backoffDelay } from '../util/backoff.ts'

/** What the loop needs of its owner. */
export interface Redialing {
  /** One try; resolves when the session stands. */
  dial(): Promise<void>
  /** No further try will follow. */
  gaveUp(error: TarantellaError): void
  /** From 0 up to 1. */
  random(): number
}

/**
 * Dials until it succeeds, with a growing and jittered delay. A refused password ends it, for trying again
 * would only lock the account, and so does a server that cannot do what is demanded; everything else may pass,
 * a server that still loads its data included.
 * The count of tries begins anew with the next loss only, so after a whole handshake.
 */
export class Reconnector {
  readonly #policy: BackoffPolicy
  readonly #owner: Redialing
  /** Holds the process: a client that waits for its server has not been closed. */
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  constructor(policy: BackoffPolicy, owner: Redialing) {
    this.#policy = policy
    this.#owner = owner
  }

  start(lastError: TarantellaError): void {
    this.#schedule(1, lastError)
  }

  /** No try begins after this one. */
  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  #schedule(attempt: number, lastError: TarantellaError): void {
    const delay = backoffDelay(this.#policy, attempt, () => this.#owner.random())
    if (delay === undefined) this.#owner.gaveUp(lastError)
    else this.#timer = setTimeout(() => this.#try(attempt), delay)
  }

  #try(attempt: number): void {
    this.#owner.dial().catch((reason: unknown) => {
      if (this.#stopped) return
      const error = asConnectError(reason, 'the server')
      if (isFinal(error)) this.#owner.gaveUp(error)
      else this.#schedule(attempt + 1, error)
    })
  }
}

/** Whether dialing again would only fail again. */
export function isFinal({ code }: TarantellaError): boolean {
  return code === 'AUTH_FAILED' || code === 'UNSUPPORTED'
}

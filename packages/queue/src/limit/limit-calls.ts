import { Limiter, type LimiterOptions } from './limiter.ts'
import type { RateLimiter } from './rate-limiter.ts'
import { TooManyRequestsError } from './too-many-requests-error.ts'
import { wait } from './wait.ts'

interface CallOptions<Args extends readonly unknown[]> {
  /** Whose call it is, from its arguments: a string of at most 256 bytes. */
  readonly key: (...args: Args) => string
  /** The signal that ends the wait of a call, from its arguments. */
  readonly signal?: (...args: Args) => AbortSignal | undefined
}

/** Options of {@link limitCalls}: a zone with burst and delay, or a limiter. */
export type LimitCallsOptions<Args extends readonly unknown[]> = CallOptions<Args> &
  (LimiterOptions | { readonly limiter: RateLimiter })

/**
 * Gives a function that runs `fn` no more often than the limit allows. A call within the burst waits
 * as the limit says, then runs; one above it rejects with {@link TooManyRequestsError} and does not
 * run. An aborted wait rejects with the signal's reason; its place in the burst stays used.
 *
 * Calls of one key run in order. At most `burst` of each key wait, so `size` times `burst` in all.
 */
export function limitCalls<F extends (...args: never[]) => unknown>(
  options: LimitCallsOptions<Parameters<NoInfer<F>>>,
  fn: F,
): (...args: Parameters<F>) => Promise<Awaited<ReturnType<F>>> {
  const limiter = 'limiter' in options ? options.limiter : new Limiter(options)
  // F is a function of its own parameters, which its bound cannot say.
  const run = fn as unknown as (...args: Parameters<F>) => PromiseLike<Awaited<ReturnType<F>>>
  return limited<Parameters<F>, Awaited<ReturnType<F>>>(limiter, options, run)
}

function limited<Args extends unknown[], R>(
  limiter: RateLimiter,
  options: CallOptions<Args>,
  run: (...args: Args) => R | PromiseLike<R>,
): (...args: Args) => Promise<R> {
  return async (...args) => {
    const signal = options.signal?.(...args)
    signal?.throwIfAborted()
    const key = options.key(...args)
    const checked = limiter.check(key)
    // A limiter of this process answers at once, and then the call needs no later turn.
    const verdict = checked instanceof Promise ? await checked : checked
    if (!verdict.granted) throw new TooManyRequestsError(key, verdict)
    if (verdict.delayMs > 0) await wait(verdict.delayMs, signal)
    return await run(...args)
  }
}

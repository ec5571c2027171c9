import { availableParallelism } from 'node:os'
import { MessageChannel } from 'node:worker_threads'
import { Piscina } from 'piscina'
import { requireInteger } from './options.ts'
import { type PlainError, type ThreadRun, toError, toPlainError } from './thread-entry.ts'
import type { TaskId } from './wire/task-tuple.ts'
import type { Handler, HandlerContext } from './worker/options.ts'

export interface ThreadsOptions {
  /** Threads at most; the worker's `concurrency` should be no lower. @default one less than the CPUs, at least 1 */
  readonly threads?: number
  /** Milliseconds that a handler has after its signal has aborted; then its thread is ended. @default 500 */
  readonly abortGraceMs?: number
  /** Milliseconds that an unused thread is kept. @default 10 000 */
  readonly idleMs?: number
}

/** What a handler in a thread gets of a task; it is settled by how the handler ends. */
export interface ThreadTask<T = unknown> {
  readonly id: TaskId
  readonly tube: string
  /** A structured clone of the payload. */
  readonly data: T
}

/** The default export of a handler's module. */
export type ThreadHandler<T = unknown> = (
  task: ThreadTask<T>,
  context: Pick<HandlerContext, 'signal' | 'attempt'>,
) => unknown

/** A handler for `tube.work()` that has threads, and so is closed when its workers are. */
export interface ThreadedHandler<T> extends Handler<T>, AsyncDisposable {
  /** Ends the threads. Call it after the workers' close(): handlers that run are ended. */
  close(): Promise<void>
}

/**
 * A handler that runs the default export of `module` in worker threads: work that keeps the CPU busy
 * does not hold up the event loop, nor the heartbeat. What it throws is thrown here, with its name,
 * message, stack, `code` and causes. Needs the package `piscina`.
 */
export function inThreads<T = unknown>(module: URL, options: ThreadsOptions = {}): ThreadedHandler<T> {
  const { threads = Math.max(1, availableParallelism() - 1), abortGraceMs = 500, idleMs = 10_000 } = options
  if (!(module instanceof URL)) throw new TypeError(`Expected \`module\` to be a URL, got ${typeof module}`)
  requireInteger('threads', threads, 1)
  requireInteger('abortGraceMs', abortGraceMs, 0)
  requireInteger('idleMs', idleMs, 0)
  const pool = new Piscina<ThreadRun, PlainError | undefined>({
    filename: new URL('./thread-entry.js', import.meta.url).href,
    name: 'runInThread',
    minThreads: 0,
    maxThreads: threads,
    idleTimeout: idleMs,
    concurrentTasksPerWorker: 1,
  })
  const close = async (): Promise<void> => {
    await pool.destroy()
  }
  const handler: Handler<T> = async ({ id, tube, data }, context) => {
    context.signal.throwIfAborted()
    const { port1: ours, port2: port } = new MessageChannel()
    const watch = watchAbort(context.signal, abortGraceMs, (reason) => {
      ours.postMessage(toPlainError(reason))
    })
    const run: ThreadRun = { module: module.href, task: { id, tube, data }, attempt: context.attempt, port }
    try {
      const thrown = await pool.run(run, { transferList: [port], signal: watch.end })
      if (thrown !== undefined) throw toError(thrown)
    } catch (error) {
      throw context.isAborted ? context.signal.reason : error
    } finally {
      watch.release()
      ours.close()
    }
  }
  return Object.assign(handler, { close, [Symbol.asyncDispose]: close })
}

/** Tells of the abort, and aborts `end` when the grace time after it is over. */
function watchAbort(
  signal: AbortSignal,
  graceMs: number,
  tell: (reason: unknown) => void,
): { readonly end: AbortSignal; readonly release: () => void } {
  const end = new AbortController()
  let timer: NodeJS.Timeout | undefined
  const onAbort = (): void => {
    tell(signal.reason)
    timer = setTimeout(() => {
      end.abort()
    }, graceMs)
    timer.unref()
  }
  signal.addEventListener('abort', onAbort, { once: true })
  const release = (): void => {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
  }
  return { end: end.signal, release }
}

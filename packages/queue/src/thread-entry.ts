import type { MessagePort } from 'node:worker_threads'

/** A thrown value as it travels between threads: structured cloning would drop an error's `code`. */
export interface PlainError {
  readonly name: string
  readonly message: string
  readonly stack: string | undefined
  readonly code: unknown
  readonly cause: PlainError | undefined
}

/** What a thread is given for one delivery. */
export interface ThreadRun {
  /** URL of the handler's module. */
  readonly module: string
  readonly task: unknown
  readonly attempt: number
  /** Brings the reason when the handler should stop. */
  readonly port: MessagePort
}

/** Causes that are passed on at most: a chain may be a ring. */
const MAX_CAUSES = 5

export function toPlainError(thrown: unknown, causes: number = MAX_CAUSES): PlainError {
  if (!(thrown instanceof Error)) {
    return { name: 'Error', message: String(thrown), stack: undefined, code: undefined, cause: undefined }
  }
  const { name, message, stack, cause } = thrown
  const code = 'code' in thrown && ['string', 'number'].includes(typeof thrown.code) ? thrown.code : undefined
  const isLast = cause === undefined || causes === 0
  return { name, message, stack, code, cause: isLast ? undefined : toPlainError(cause, causes - 1) }
}

export function toError({ name, message, stack, code, cause }: PlainError): Error {
  const error = new Error(message, cause === undefined ? undefined : { cause: toError(cause) })
  // As properties that are not listed, like those an error is born with.
  Object.defineProperty(error, 'name', { value: name, configurable: true, writable: true })
  if (stack !== undefined) Object.defineProperty(error, 'stack', { value: stack, configurable: true, writable: true })
  return code === undefined ? error : Object.assign(error, { code })
}

/**
 * Runs in a thread: calls the module's default export. Resolves with what it threw, `undefined` if
 * nothing; a value that it returns stays here.
 */
export async function runInThread({ module, task, attempt, port }: ThreadRun): Promise<PlainError | undefined> {
  const abort = new AbortController()
  port.on('message', (reason: PlainError) => {
    abort.abort(toError(reason))
  })
  try {
    await (await importHandler(module))(task, { signal: abort.signal, attempt })
    return undefined
  } catch (error) {
    return toPlainError(error)
  } finally {
    port.close()
  }
}

async function importHandler(module: string): Promise<(task: unknown, context: unknown) => unknown> {
  // A module's exports are of unknown type until looked at.
  const { default: handler } = (await import(module)) as { default?: unknown }
  if (typeof handler !== 'function') {
    throw new TypeError(`Expected the default export of ${module} to be a function, got ${typeof handler}`)
  }
  // It is called with a task and a context; what it makes of them is its own.
  return handler as (task: unknown, context: unknown) => unknown
}

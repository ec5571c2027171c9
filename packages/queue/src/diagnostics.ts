import { type TracingChannel, tracingChannel } from 'node:diagnostics_channel'
import { trace } from '@tarantella/connector/internal'

export { errorLabel, listen } from '@tarantella/connector/internal'

/*
 * Names and messages are a contract with subscribers, as in the connector: one object tells of one action on all
 * events of a tracing channel, start → end → (error →) asyncStart → asyncEnd. No message holds payloads.
 */

/** Texts that travel with a task beside its payload, such as the producer's trace context. */
export type TaskHeaders = Readonly<Record<string, string>>

/** One put or putMany, on `tracing:tarantella:queue:put:*`. */
export interface PutMessage {
  readonly tube: string
  readonly count: number
  /** What a listener to `start` adds here travels with the tasks; see {@link Task.headers}. */
  readonly headers: Record<string, string>
  /** Of one task that was put, from `asyncStart` on. */
  id?: number
  /** From `error` on. */
  error?: unknown
}

/** One take or takeMany, on `tracing:tarantella:queue:take:*`; workers take without. */
export interface TakeMessage {
  readonly tube: string
  /** Tasks that were asked for. */
  readonly wanted: number
  /** What came, from `asyncStart` on. */
  tasks: readonly { readonly id: number; readonly headers: TaskHeaders | undefined }[]
  error?: unknown
}

/** One ack, release, bury and the like, of a worker too, on `tracing:tarantella:queue:settle:*`. */
export interface SettleMessage {
  readonly tube: string
  /** The server's word: `ack`, `release`, `bury`, `touch`, `delete`, `fail` or `complete`. */
  readonly operation: string
  readonly id: number
  error?: unknown
}

/** One run of a worker's handler, on `tracing:tarantella:queue:handle:*`; in a batch until the batch ends. */
export interface HandleMessage {
  readonly tube: string
  readonly id: number
  readonly attempt: number
  readonly headers: TaskHeaders | undefined
  /** What a listener to `start` puts here calls the handler, in a context of its own. */
  within?: <R>(run: () => R) => R
  error?: unknown
}

export const putChannel: TracingChannel<PutMessage, PutMessage> = tracingChannel('tarantella:queue:put')
export const takeChannel: TracingChannel<TakeMessage, TakeMessage> = tracingChannel('tarantella:queue:take')
export const settleChannel: TracingChannel<SettleMessage, SettleMessage> = tracingChannel('tarantella:queue:settle')
export const handleChannel: TracingChannel<HandleMessage, HandleMessage> = tracingChannel('tarantella:queue:handle')

/** `run` puts with the headers that it is given. */
export function tracePut<R>(
  tube: string,
  count: number,
  run: (headers: TaskHeaders | undefined) => Promise<R>,
): Promise<R> {
  if (!putChannel.hasSubscribers) return run(undefined)
  const message: PutMessage = { tube, count, headers: {} }
  return trace(putChannel, message, async () => {
    const done = await run(Object.keys(message.headers).length === 0 ? undefined : message.headers)
    if (typeof done === 'object' && done !== null && 'id' in done && typeof done.id === 'number') message.id = done.id
    return done
  })
}

export function traceTake<R extends TakeMessage['tasks'] | TakeMessage['tasks'][number] | undefined>(
  tube: string,
  wanted: number,
  run: () => Promise<R>,
): Promise<R> {
  if (!takeChannel.hasSubscribers) return run()
  const message: TakeMessage = { tube, wanted, tasks: [] }
  return trace(takeChannel, message, async () => {
    const taken = await run()
    message.tasks = [taken ?? []].flat()
    return taken
  })
}

/** `fn` is `queue.ack_many` and its like. */
export function traceSettle<R>(tube: string, fn: string, id: number, run: () => Promise<R>): Promise<R> {
  if (!settleChannel.hasSubscribers) return run()
  return trace(settleChannel, { tube, operation: fn.replace(/^queue\./, '').replace(/_many$/, ''), id }, run)
}

export function traceHandler<R>(
  task: { readonly tube: string; readonly id: number; readonly headers: TaskHeaders | undefined },
  attempt: number,
  run: () => R | Promise<R>,
): R | Promise<R> {
  if (!handleChannel.hasSubscribers) return run()
  const { tube, id, headers } = task
  const message: HandleMessage = { tube, id, attempt, headers }
  const call = async (): Promise<R> => await run()
  return trace(handleChannel, message, () => (message.within === undefined ? call() : message.within(call)))
}

import { type QueueError, refusedByServer } from '../errors.ts'
import type { Caller, CallOptions } from '../ports.ts'
import { type QueueHealth, toHealth } from './health.ts'
import { toQueueError } from './server-errors.ts'
import {
  type Delivery,
  type PutStatus,
  type TaskId,
  type TaskStatus,
  toDelivery,
  toItemResult,
  toPeeked,
  toPutResult,
  toPutStatus,
  toStatus,
  unexpected,
} from './task-tuple.ts'

/** Names a delivery to the server: the task and the token it was handed out with. */
export interface Lease {
  readonly id: TaskId
  readonly token: number
}

export type ItemResult = TaskStatus | QueueError

/** The functions that settle deliveries in batches; each item is `[id, token, argument?]`. */
export type SettleFunction =
  | 'queue.ack_many'
  | 'queue.release_many'
  | 'queue.bury_many'
  | 'queue.touch_many'
  | 'queue.delete_many'
  | 'queue.fail_many'
  | 'queue.complete_many'

/** Milliseconds that the answer of a call that waits may be late before the request is given up. */
export const WAIT_MARGIN_MS = 10_000

/**
 * The queue server's functions, each once: name, order of arguments, shape of the answer.
 * Contract: docs/server.md. Seconds are sent as they are.
 */
export class QueueServer {
  readonly #caller: Caller
  readonly #waits = new AbortController()

  constructor(caller: Caller) {
    this.#caller = caller
  }

  /** `queue.put_many(tube, {{data, opts}, …})`: items are encoded already. */
  async putMany(tube: string, items: readonly unknown[]): Promise<(PutStatus | QueueError)[]> {
    const reply = await this.call('queue.put_many', [tube, items])
    return list('queue.put_many', reply, items.length).map(toPutResult)
  }

  /** `queue.put(tube, data, opts)`: the form that can wait, `seconds`, for room in a tube with a capacity. */
  async put(tube: string, data: unknown, options: unknown, seconds: number): Promise<PutStatus> {
    const timeoutMs = seconds * 1000 + WAIT_MARGIN_MS
    const [tuple] = await this.call('queue.put', [tube, data, options], { timeoutMs })
    // A limfifottl has no error for it.
    if (tuple === undefined || tuple === null) throw refusedByServer('QUEUE_FULL', 'The tube is full')
    return toPutStatus(tuple, 3)
  }

  /** `queue.take_many(tube, n, timeout, {key})`: waits for the first task, then answers with what is there. */
  async takeMany(tube: string, n: number, seconds: number, key: number): Promise<Delivery[]> {
    const isEndless = seconds === Number.POSITIVE_INFINITY
    const timeoutMs = isEndless ? Number.POSITIVE_INFINITY : seconds * 1000 + WAIT_MARGIN_MS
    const reply = await this.call('queue.take_many', [tube, n, isEndless ? null : seconds, { key }], { timeoutMs })
    return list('queue.take_many', reply).map(toDelivery)
  }

  /** `queue.cancel_take(key)`: the waiting take of this session with this key answers at once. */
  async cancelTake(tube: string, key: number): Promise<void> {
    await this.call('queue.cancel_take', [tube, key])
  }

  /** `queue.ack_many(tube, {{id, token}, …})` and its like. */
  async settleMany(fn: SettleFunction, tube: string, items: readonly (readonly unknown[])[]): Promise<ItemResult[]> {
    const reply = await this.call(fn, [tube, items])
    return list(fn, reply, items.length).map(toItemResult)
  }

  /** `queue.peek(tube, id)` → `[id, state, data]`. */
  async peek(tube: string, id: TaskId): Promise<TaskStatus & { readonly data: unknown }> {
    return toPeeked((await this.call('queue.peek', [tube, id]))[0])
  }

  /** `queue.delete(tube, id)`: whatever the task's state and owner. */
  async delete(tube: string, id: TaskId): Promise<TaskStatus> {
    return toStatus((await this.call('queue.delete', [tube, id]))[0])
  }

  /** `queue.kick(tube, count)` → how many buried tasks are ready again. */
  async kick(tube: string, count: number): Promise<number> {
    const [kicked] = await this.call('queue.kick', [tube, count])
    if (typeof kicked !== 'number') throw unexpected('a number of kicked tasks', kicked)
    return kicked
  }

  /** `queue.create_tube(name, type, opts)`. */
  async createTube(name: string, type: string, options: Readonly<Record<string, unknown>>): Promise<void> {
    await this.call('queue.create_tube', [name, type, options])
  }

  /** `queue.truncate(tube)`, `queue.drop(tube)`, `queue.release_all(tube)`: no answer of interest. */
  async manage(fn: 'queue.truncate' | 'queue.drop' | 'queue.release_all', tube: string): Promise<void> {
    await this.call(fn, [tube])
  }

  /** `queue.health()`. */
  async health(): Promise<QueueHealth> {
    return toHealth((await this.call('queue.health', []))[0])
  }

  /** `queue.statistics(tube?)`. */
  async statistics(tube?: string): Promise<unknown> {
    return (await this.call('queue.statistics', tube === undefined ? [] : [tube]))[0]
  }

  /** Ends the calls that only wait for something to happen, and refuses new ones. For the queue's close(). */
  endWaits(reason: QueueError): void {
    this.#waits.abort(reason)
  }

  /** A function that waits for up to `seconds`, and loses nothing when nobody hears its answer. */
  async callWaiting(fn: string, args: readonly unknown[], seconds: number): Promise<unknown[]> {
    const { signal } = this.#waits
    signal.throwIfAborted()
    return await this.call(fn, args, { timeoutMs: seconds * 1000 + WAIT_MARGIN_MS, signal })
  }

  /** Any function of the server; rejects with errors of the queue. For the files beside this one. */
  async call(fn: string, args: readonly unknown[], options?: CallOptions): Promise<unknown[]> {
    try {
      return await this.#caller.call(fn, args, options)
    } catch (error) {
      throw toQueueError(error, fn)
    }
  }
}

/** The one value of a batch's answer: an array, of `length` items if given. */
function list(fn: string, reply: readonly unknown[], length?: number): unknown[] {
  const [value] = reply
  if (!Array.isArray(value) || (length !== undefined && value.length !== length)) {
    throw unexpected(`an array of results of ${fn}`, value)
  }
  return value
}

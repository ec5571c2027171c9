import { expected, requireText } from '../options.ts'
import type { Caller, CallerEvent, CallOptions } from '../ports.ts'
import { missing, toFailedItem, toPlainError } from './plain-errors.ts'
import { toPlainPut } from './plain-put.ts'
import { PlainTakes } from './plain-takes.ts'

/** Options of {@link overTarantoolQueue}. */
export interface TarantoolQueueOptions {
  /** The Lua variable that tarantool/queue is in. @default 'queue' */
  readonly namespace?: string
}

/** `[id, token, argument?]` */
type SettleItem = readonly [id: number, token: number, argument?: unknown]

/** The functions that settle, and whether the argument goes along. */
const SETTLES: ReadonlyMap<string, { readonly method: string; readonly takesArgument: boolean }> = new Map([
  ['queue.ack_many', { method: 'ack', takesArgument: false }],
  ['queue.release_many', { method: 'release', takesArgument: true }],
  ['queue.bury_many', { method: 'bury', takesArgument: false }],
  ['queue.touch_many', { method: 'touch', takesArgument: true }],
  ['queue.delete_many', { method: 'delete', takesArgument: false }],
])

const ONE_TUBE: ReadonlySet<string> = new Set(
  'peek delete kick truncate drop release_all'.split(' ').map((name) => `queue.${name}`),
)

/**
 * Lets a `Queue` work with a plain tarantool/queue 1.x: `new Queue(overTarantoolQueue(tnt))`. Batches become single calls
 * that are sent together; what tarantool/queue has not rejects with `FUNCTION_MISSING`. Its deliveries have no
 * tokens, so an ack that comes after the ttr may ack the task's next delivery. The session's tasks are released
 * when the connection is lost: an ack that comes later is refused (`TASK_NOT_TAKEN`), and the worker tells of it as `lost`.
 */
export function overTarantoolQueue(caller: Caller, { namespace = 'queue' }: TarantoolQueueOptions = {}): Caller {
  requireText('namespace', namespace)
  return new PlainQueue(caller, namespace)
}

class PlainQueue implements Caller {
  readonly #caller: Caller
  readonly #namespace: string
  readonly #takes: PlainTakes

  constructor(caller: Caller, namespace: string) {
    this.#caller = caller
    this.#namespace = namespace
    this.#takes = new PlainTakes((tube, method, args, options) => this.#callTube(tube, method, args, options))
  }

  on(event: CallerEvent, listener: () => void): this {
    this.#caller.on(event, listener)
    return this
  }

  off(event: CallerEvent, listener: () => void): this {
    this.#caller.off(event, listener)
    return this
  }

  async call(fn: string, args: readonly unknown[], options?: CallOptions): Promise<unknown[]> {
    if (fn === 'queue.statistics' || fn === 'queue.create_tube') {
      return await this.#caller.call(`${this.#namespace}${fn.slice('queue'.length)}`, args, options)
    }
    const [tube, ...rest] = args
    if (typeof tube !== 'string') throw missing(`function ${fn}`)
    const settle = SETTLES.get(fn)
    // The arguments of each function are those that wire/server.ts gives it: here an array of items.
    if (settle !== undefined) return [await this.#settleMany(tube, settle, rest[0] as SettleItem[])]
    // As above.
    if (fn === 'queue.put_many') return [await this.#putMany(tube, rest[0] as unknown[])]
    if (fn === 'queue.take_many') return [await this.#takes.take(tube, rest)]
    if (fn === 'queue.cancel_take') {
      this.#takes.cancel(rest[0])
      return []
    }
    if (!ONE_TUBE.has(fn)) throw missing(`function ${fn}`)
    try {
      return await this.#callTube(tube, fn.slice('queue.'.length), rest, options)
    } catch (error) {
      throw toPlainError(error, tube)
    }
  }

  async #putMany(tube: string, items: readonly unknown[]): Promise<unknown[]> {
    return await this.#each(tube, items, async (item) => {
      const args = toPlainPut(item, Date.now())
      if (!Array.isArray(args)) return args
      const [tuple] = await this.#callTube(tube, 'put', args)
      // Not stored: a limfifottl tube is full, or the queue is not RUNNING; it does not say which.
      if (!Array.isArray(tuple)) return { code: 'QUEUE_FULL', message: 'The task was not stored: put has answered nil' }
      const row: readonly unknown[] = tuple
      return row.slice(0, 2)
    })
  }

  async #settleMany(
    tube: string,
    { method, takesArgument }: { readonly method: string; readonly takesArgument: boolean },
    items: readonly SettleItem[],
  ): Promise<unknown[]> {
    return await this.#each(tube, items, async ([id, , argument]) => {
      const args = takesArgument && argument !== undefined ? [id, argument] : [id]
      const [tuple] = await this.#callTube(tube, method, args)
      const row: readonly unknown[] = Array.isArray(tuple) ? tuple : [id, '-']
      return row.slice(0, 2)
    })
  }

  /** A refusal is its item's alone. A lost connection is everybody's: nobody knows what was done. */
  async #each<Item>(tube: string, items: readonly Item[], run: (item: Item) => Promise<unknown>): Promise<unknown[]> {
    const settled = await Promise.allSettled(items.map(run))
    return settled.map((result) => {
      if (result.status === 'fulfilled') return result.value
      const item = toFailedItem(result.reason, tube)
      if (item === undefined) throw result.reason
      return item
    })
  }

  #callTube(tube: string, method: string, args: readonly unknown[], options?: CallOptions): Promise<unknown[]> {
    // Tarantool splits the name of a function at these.
    if (/[.:]/.test(tube)) throw expected('tube', 'a name without . and : for tarantool/queue', tube)
    return this.#caller.call(`${this.#namespace}.tube.${tube}:${method}`, args, options)
  }
}

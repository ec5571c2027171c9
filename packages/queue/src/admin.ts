import { requireInteger, requireText } from './options.ts'
import {
  type SessionRow,
  type TaskRow,
  type TubeRow,
  toSessionRow,
  toTaskRow,
  toTubeRow,
  toWaiterRow,
  toWholeTask,
  type WaiterRow,
  type WholeTask,
} from './wire/admin-shapes.ts'
import { isNumber, isText, optional, toList, toMap, toNumber } from './wire/maps.ts'
import type { ItemResult, QueueServer } from './wire/server.ts'
import { type TaskId, type TaskStatus, toItemResult, toStatus } from './wire/task-tuple.ts'
import type { PageOptions } from './wire/topics.ts'

/** States that a filter can name. */
export type ListedState = 'ready' | 'delayed' | 'buried' | 'taken'

/** Options of {@link Admin.list}. */
export interface ListOptions extends PageOptions<TaskId> {
  readonly state?: ListedState | readonly ListedState[]
  readonly utube?: string
  /** From the newest task on. @default false */
  readonly reverse?: boolean
  /** Bytes of the payload's JSON, 0 to 4096, instead of the payload. */
  readonly preview?: number
}

/** Which tasks a change by filter is for. */
export interface FilterOptions {
  readonly utube?: string
  /** Most tasks. @default 100 000, the most of one call */
  readonly limit?: number
}

/** Which tasks {@link Admin.drain} deletes and {@link Admin.move} moves: those that nobody holds. */
export interface WaitingFilter extends FilterOptions {
  readonly state?: Exclude<ListedState, 'taken'> | readonly Exclude<ListedState, 'taken'>[]
}

/** What {@link Admin.update} can change of a task that waits. */
export interface UpdateOptions {
  readonly data?: unknown
  readonly pri?: number
  /** Seconds from now, or the moment, at which it is ready. */
  readonly delay?: number
  readonly at?: Date
  /** Seconds. */
  readonly ttl?: number
  readonly ttr?: number
  /** `null`: no lane. */
  readonly utube?: string | null
}

/** Options of {@link Admin.alter}; `null` brings a default back. */
export interface AlterOptions {
  readonly pri?: number | null
  /** Seconds. */
  readonly ttl?: number | null
  readonly ttr?: number | null
  readonly capacity?: number | null
  readonly laneLimit?: number | null
}

/** How many tasks a call has changed, and whether it has left others. */
export interface BulkResult {
  readonly count: number
  readonly more: boolean
}

/** What {@link Admin.move} has done. */
export interface MoveResult extends BulkResult {
  /** The other tube had no room for more. */
  readonly full: boolean
  /** `[id before, id now]`, of up to 1000 tasks. */
  readonly tasks: readonly (readonly [before: TaskId, now: TaskId])[]
}

/** Rows in order of their keys. */
export interface Page<Row, Key> {
  readonly rows: readonly Row[]
  /** The `after` of the next page; absent on the last. A page may be short or empty and have one. */
  readonly next?: Key
}

/**
 * What operators ask and do: {@link Queue.admin}. All of it needs the role admin, and works on every type
 * of tube. `TASK_WRONG_STATE` refuses a task in a state that a function is not for.
 */
export class Admin {
  readonly #server: QueueServer

  /** Use {@link Queue.admin}. */
  constructor(server: QueueServer) {
    this.#server = server
  }

  /** A page of a tube's tasks in order of their ids: a look at what comes and goes, no snapshot. */
  async list(tube: string, options: ListOptions = {}): Promise<Page<TaskRow, TaskId>> {
    return page(await this.#ask('queue.list', tube, options), 'tasks', toTaskRow, isNumber)
  }

  /** Everything that is known of a task; `TASK_NOT_FOUND`. */
  async get(tube: string, id: TaskId): Promise<WholeTask> {
    return toWholeTask(await this.#ask('queue.get', tube, id))
  }

  /** Changes a ready, delayed or buried task. */
  async update(tube: string, id: TaskId, { at, ...options }: UpdateOptions): Promise<TaskStatus> {
    const wire = at === undefined ? options : { ...options, at: at.getTime() / 1000 }
    return toStatus(await this.#ask('queue.update', tube, id, wire))
  }

  /** Makes delayed tasks ready: per id its state, or the error that it was refused with. */
  async promote(tube: string, ids: readonly TaskId[]): Promise<ItemResult[]> {
    return toResults(await this.#ask('queue.promote', tube, ids))
  }

  /** Makes buried tasks ready: per id its state, or the error that it was refused with. */
  async kickIds(tube: string, ids: readonly TaskId[]): Promise<ItemResult[]> {
    return toResults(await this.#ask('queue.kick_id', tube, ids))
  }

  /** Makes taken tasks ready, whoever holds them, after `delay` seconds if given. */
  async releaseIds(
    tube: string,
    ids: readonly TaskId[],
    { delay = 0 }: { readonly delay?: number } = {},
  ): Promise<ItemResult[]> {
    return toResults(await this.#ask('queue.release_id', tube, ids, { delay }))
  }

  /** Makes all buried tasks ready, or those of a lane. */
  async kickWhere(tube: string, options: FilterOptions = {}): Promise<BulkResult> {
    return toBulk(await this.#ask('queue.kick_where', tube, options))
  }

  /** Makes all delayed tasks ready, or those of a lane. */
  async promoteWhere(tube: string, options: FilterOptions = {}): Promise<BulkResult> {
    return toBulk(await this.#ask('queue.promote_where', tube, options))
  }

  /** Deletes tasks that nobody holds: all, or those of a filter. */
  async drain(tube: string, options: WaitingFilter = {}): Promise<BulkResult> {
    return toBulk(await this.#ask('queue.drain', tube, options))
  }

  /**
   * Moves tasks that nobody holds into another tube, where they get new ids; none is lost or doubled.
   * Buried ones stay buried, unless `kick`. Name them by `ids`, or by some of the filter.
   */
  async move(
    tube: string,
    to: string,
    options: (WaitingFilter | { readonly ids: readonly TaskId[] }) & { readonly kick?: boolean },
  ): Promise<MoveResult> {
    requireText('to', to)
    const value = toMap(await this.#ask('queue.move', tube, to, options), 'what was moved')
    const pairs = toList(value['tasks'] ?? [], 'pairs of ids').map((pair): [TaskId, TaskId] => {
      const [before, now] = toList(pair, 'a pair of ids')
      return [toNumber(before, 'an id'), toNumber(now, 'an id')]
    })
    return { ...toBulk(value), full: value['full'] === true, tasks: pairs }
  }

  /** Drops a tube; with `force` also one with taken tasks or waiting takes. Resolves with how many tasks went. */
  async obliterate(tube: string, { force = false }: { readonly force?: boolean } = {}): Promise<number> {
    return toNumber(await this.#ask('queue.obliterate', tube, { force }), 'a number of tasks')
  }

  /** Changes defaults and bounds of a tube while it stands. A capacity can be changed, not begun or ended. */
  async alter(tube: string, { laneLimit, ...options }: AlterOptions): Promise<TubeRow> {
    const wire = laneLimit === undefined ? options : { ...options, lane_limit: laneLimit }
    return toTubeRow(await this.#ask('queue.alter', tube, wire))
  }

  /** A page of the tubes, by name. */
  async tubes(options: PageOptions<string> = {}): Promise<Page<TubeRow, string>> {
    return page(await this.#call('queue.tubes', [options]), 'tubes', toTubeRow, isText)
  }

  /** A page of the sessions that take or have taken, by number. */
  async sessions(options: PageOptions<number> = {}): Promise<Page<SessionRow, number>> {
    return page(await this.#call('queue.sessions', [options]), 'sessions', toSessionRow, isNumber)
  }

  /** The takes that wait for a tube, the longest first; up to `limit` of `total`. */
  async waiters(
    tube: string,
    { limit = 100 }: { readonly limit?: number } = {},
  ): Promise<{ readonly total: number; readonly waiters: readonly WaiterRow[] }> {
    requireInteger('limit', limit, 1, 1000)
    const value = toMap(await this.#ask('queue.waiters', tube, { limit }), 'waiting takes')
    const waiters = toList(value['waiters'] ?? [], 'an array of waiting takes').map(toWaiterRow)
    return { total: toNumber(value['total'], 'a number of takes'), waiters }
  }

  async #ask(fn: string, tube: string, ...args: readonly unknown[]): Promise<unknown> {
    requireText('tube', tube)
    return await this.#call(fn, [tube, ...args])
  }

  async #call(fn: string, args: readonly unknown[]): Promise<unknown> {
    return (await this.#server.call(fn, args))[0]
  }
}

function page<Row, Key>(
  value: unknown,
  name: string,
  toRow: (row: unknown) => Row,
  isKey: (key: unknown) => key is Key,
): Page<Row, Key> {
  const map = toMap(value, 'a page')
  const rows = toList(map[name] ?? [], `an array of ${name}`).map(toRow)
  const next = optional(map['next'], isKey)
  return next === undefined ? { rows } : { rows, next }
}

function toBulk(value: unknown): BulkResult {
  const map = toMap(value, 'a number of tasks')
  return { count: toNumber(map['count'], 'a number of tasks'), more: map['more'] === true }
}

function toResults(value: unknown): ItemResult[] {
  return toList(value, 'an array of results').map(toItemResult)
}

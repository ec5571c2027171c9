import { type Backoff, requireInteger, requireSeconds } from './options.ts'

/** The tube types of tarantool/queue, see docs/server.md. */
export type TubeType = 'fifo' | 'fifottl' | 'limfifottl' | 'utube' | 'utubettl'

export interface CreateTubeOptions {
  readonly type: TubeType
  /** An existing tube of this name is left as it is. @default false: it is an error */
  readonly ifNotExists?: boolean
  /** Tasks are lost at a restart. @default false */
  readonly temporary?: boolean
  /** Default of the tasks' `ttl`, seconds. @default 100 years */
  readonly ttl?: number
  /** Default of the tasks' `ttr`, seconds. @default the ttl */
  readonly ttr?: number
  /** Default of the tasks' `pri`. @default 0 */
  readonly pri?: number
  /** Most tasks in the tube, in any state. @default no limit */
  readonly capacity?: number
  /**
   * With a `capacity`: what becomes of a put into the full tube. `'wait'`: put() waits for room, see
   * PutOptions.timeout; putMany() is refused. `'drop_oldest'`: the oldest ready task goes.
   * @default 'wait' for limfifottl, else 'reject'
   */
  readonly onFull?: 'wait' | 'reject' | 'drop_oldest'
  /** `'vinyl'` keeps the tasks on disk; not with the abilities that need a transaction with others. @default 'memtx' */
  readonly engine?: 'memtx' | 'vinyl'
  /** utube, utubettl: tasks of one lane that may be taken at a time. @default 1 */
  readonly laneLimit?: number
  /** Seconds after which a waiting task has gained one step of `pri` on those that come then. @default none */
  readonly aging?: number
  /** Deliveries a second, of the tube and of each lane; see {@link Tube.setRate}. @default no limit */
  readonly rate?: Rate
  readonly laneRate?: Rate
  /** One task per key, see PutOptions.key; `window` is the default of the puts'. @default false */
  readonly dedup?: boolean | { readonly window?: number }
  /** Attempts that may fail; after the last one a task is dead. @default no limit */
  readonly maxAttempts?: number
  /** How long a task waits after a failed attempt. @default not at all */
  readonly backoff?: Backoff
  /** Name of the tube that gets the dead tasks. @default none: they are buried */
  readonly deadLetter?: string
  /** Keeps how tasks have ended, for {@link Tube.result} and {@link Tube.wait}. @default false */
  readonly keep?: boolean | KeepOptions
  /** Writes what happens to tasks, for {@link Queue.events}: all but `touch`, or those named. @default false */
  readonly events?: boolean | readonly TaskEventName[]
  /** Events that are kept of the tube, up to 1 000 000. @default 10 000 */
  readonly eventsKeep?: number
  /** Tasks may be parents and children, see {@link Queue.putFlow}. @default false */
  readonly flows?: boolean
}

/** A limit of deliveries. */
export interface Rate {
  /** A second, from 0.001 to 1 000 000. */
  readonly rate: number
  /** Deliveries at once beyond the rate, after an idle time. @default 0 */
  readonly burst?: number
}

/** Which results a tube keeps. */
export interface KeepOptions {
  /** Of tasks that were done. @default 10 000 */
  readonly count?: number
  /** Of the others. @default as `count` */
  readonly failedCount?: number
  /** Seconds. @default no limit */
  readonly age?: number
  /** Seconds. @default as `age` */
  readonly failedAge?: number
}

/** What can happen to a task, of which a tube can tell. */
export type TaskEventName = 'put' | 'ack' | 'delete' | 'ttl' | 'drop' | 'bury' | 'kick' | 'release' | 'touch'

export function toWireTubeOptions(options: CreateTubeOptions): Record<string, unknown> {
  const wire: Record<string, unknown> = {}
  if (options.ifNotExists !== undefined) wire['if_not_exists'] = options.ifNotExists
  if (options.temporary !== undefined) wire['temporary'] = options.temporary
  for (const name of ['ttl', 'ttr'] as const) {
    const value = options[name]
    if (value === undefined) continue
    requireSeconds(name, value)
    wire[name] = value
  }
  if (options.pri !== undefined) {
    requireInteger('pri', options.pri, Number.MIN_SAFE_INTEGER)
    wire['pri'] = options.pri
  }
  if (options.capacity !== undefined) {
    requireInteger('capacity', options.capacity, 0)
    wire['capacity'] = options.capacity
  }
  return { ...wire, ...toWireAbilities(options) }
}

/** What the server checks itself, in its names. */
function toWireAbilities(options: CreateTubeOptions): Record<string, unknown> {
  const { keep } = options
  const wire: Record<string, unknown> = {
    on_full: options.onFull,
    engine: options.engine,
    lane_limit: options.laneLimit,
    aging: options.aging,
    rate: options.rate,
    lane_rate: options.laneRate,
    dedup: options.dedup,
    max_attempts: options.maxAttempts,
    backoff: options.backoff,
    dead_letter: options.deadLetter,
    keep: typeof keep === 'object' ? toWireKeep(keep) : keep,
    events: options.events,
    events_keep: options.eventsKeep,
    flows: options.flows,
  }
  return present(wire)
}

function toWireKeep({ count, failedCount, age, failedAge }: KeepOptions): Record<string, unknown> {
  return present({ count, failed_count: failedCount, age, failed_age: failedAge })
}

function present(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== false))
}

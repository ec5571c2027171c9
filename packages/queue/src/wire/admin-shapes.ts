import { defined, isNumber, isText, optional, toDate, toList, toMap, toNumber, toText, type WireMap } from './maps.ts'
import { type TaskId, type TaskState, toState } from './task-tuple.ts'

/** A task as operators see it. */
export interface TaskRow {
  readonly id: TaskId
  readonly state: TaskState
  readonly pri: number
  readonly utube?: string
  /** End of its delay, and of its life. */
  readonly due?: Date
  readonly dead?: Date
  /** Seconds. */
  readonly ttr?: number
  /** Attempts that have failed. */
  readonly attempts?: number
  readonly key?: string
  /** Number of the session that holds it. */
  readonly session?: number
  /** Of the payload. */
  readonly bytes: number
  /** Unless a preview was asked for. */
  readonly data?: unknown
  /** The payload's JSON, cut. */
  readonly preview?: string
}

/** Everything that is known of one task. */
export interface WholeTask extends TaskRow {
  /** What abilities have noted beside the payload. */
  readonly meta?: Readonly<Record<string, unknown>>
  /** Whether it has ever been taken since it was put or the server has started. */
  readonly delivered: boolean
  readonly lease?: {
    readonly session: number
    /** A short hash of the session's uuid. */
    readonly identity?: string
    readonly token: number
    readonly ends?: Date
  }
}

export interface TubeRow {
  readonly name: string
  readonly type: string
  readonly id: number
  readonly engine: string
  /** As it was created and altered, in the server's names. */
  readonly opts: Readonly<Record<string, unknown>>
  readonly tasks: Readonly<Record<'ready' | 'delayed' | 'taken' | 'buried' | 'total', number>>
  /** Takes that wait. */
  readonly waiting: number
  /** False while its schedule is being built. */
  readonly ready: boolean
}

export interface SessionRow {
  readonly session: number
  readonly identity?: string
  /** Tasks that it holds, in all and by tube. */
  readonly taken: number
  readonly tubes: Readonly<Record<string, number>>
  /** Its takes that wait. */
  readonly waiting: number
  readonly connections: readonly { readonly id: number; readonly peer?: string; readonly waiting: number }[]
  /** When the leases of a session without connections end. */
  readonly ends?: number
}

export interface WaiterRow {
  /** Tasks that it wants. */
  readonly n: number
  readonly utube?: string
  readonly session?: number
  readonly connection?: number
  readonly peer?: string
}

export function toTaskRow(value: unknown): TaskRow {
  return taskOf(toMap(value, 'a task'))
}

export function toWholeTask(value: unknown): WholeTask {
  const map = toMap(value, 'a task')
  const lease = map['lease']
  return defined({
    ...taskOf(map),
    meta: isMap(map['meta']) ? map['meta'] : undefined,
    delivered: map['delivered'] === true,
    lease: isMap(lease) ? toLease(lease) : undefined,
  })
}

export function toTubeRow(value: unknown): TubeRow {
  const map = toMap(value, 'a tube')
  const tasks = toMap(map['tasks'], 'counts of tasks')
  return {
    name: toText(map['name'], 'the name of a tube'),
    type: toText(map['type'], 'the type of a tube'),
    id: toNumber(map['id'], 'the id of a tube'),
    engine: optional(map['engine'], isText) ?? 'memtx',
    opts: toMap(map['opts'], 'the options of a tube'),
    tasks: {
      ready: count(tasks['ready']),
      delayed: count(tasks['delayed']),
      taken: count(tasks['taken']),
      buried: count(tasks['buried']),
      total: count(tasks['total']),
    },
    waiting: count(map['waiting']),
    ready: map['ready'] === true,
  }
}

export function toSessionRow(value: unknown): SessionRow {
  const map = toMap(value, 'a session')
  const tubes = Object.entries(toMap(map['tubes'] ?? {}, 'tasks by tube'))
  return defined({
    session: toNumber(map['session'], 'the number of a session'),
    identity: optional(map['identity'], isText),
    taken: count(map['taken']),
    tubes: Object.fromEntries(tubes.map(([name, held]) => [name, count(held)])),
    waiting: count(map['waiting']),
    connections: toList(map['connections'] ?? [], 'an array of connections').map((item) => {
      const connection = toMap(item, 'a connection')
      return defined({
        id: toNumber(connection['id'], 'the id of a connection'),
        peer: optional(connection['peer'], isText),
        waiting: count(connection['waiting']),
      })
    }),
    ends: optional(map['ends'], isNumber),
  })
}

export function toWaiterRow(value: unknown): WaiterRow {
  const map = toMap(value, 'a waiting take')
  return defined({
    n: count(map['n']),
    utube: optional(map['utube'], isText),
    session: optional(map['session'], isNumber),
    connection: optional(map['connection'], isNumber),
    peer: optional(map['peer'], isText),
  })
}

function taskOf(map: WireMap): TaskRow {
  return defined({
    id: toNumber(map['id'], 'the id of a task'),
    state: toState(map['state']),
    pri: count(map['pri']),
    utube: optional(map['utube'], isText),
    due: toDate(map['due']),
    dead: toDate(map['dead']),
    ttr: optional(map['ttr'], isNumber),
    attempts: optional(map['attempts'], isNumber),
    key: optional(map['key'], isText),
    session: optional(map['session'], isNumber),
    bytes: count(map['bytes']),
    data: map['data'],
    preview: optional(map['preview'], isText),
  })
}

function toLease(map: WireMap): NonNullable<WholeTask['lease']> {
  return defined({
    session: count(map['session']),
    identity: optional(map['identity'], isText),
    token: toNumber(map['token'], 'a token'),
    ends: toDate(map['ends']),
  })
}

function isMap(value: unknown): value is WireMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function count(value: unknown): number {
  return typeof value === 'number' ? value : 0
}

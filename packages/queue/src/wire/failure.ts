// queue.fail_many(tube, {{id, token, {error, delay, final}}, …}) → per item [id, state]
// queue.info(tube, id) → {id, state, attempts, error, failed, max_attempts, backoff, key, origin}
// queue.redrive(tube, {limit, origin, error}) → how many
import type { Backoff } from '../options.ts'
import { defined, isNumber, isText, optional, toDate, toMap, toNumber, type WireMap } from './maps.ts'
import type { QueueServer } from './server.ts'
import { type TaskId, type TaskState, toState } from './task-tuple.ts'

/** Where a task of a dead-letter tube has come from. */
export interface TaskOrigin {
  readonly tube: string
  readonly id: TaskId
  readonly attempts: number
  readonly error?: string
  readonly failed?: Date
  readonly key?: string
}

/** What the server knows of a task's attempts. */
export interface TaskInfo {
  readonly id: TaskId
  readonly state: TaskState
  /** Attempts that have failed; of a dead task, in its first tube. */
  readonly attempts: number
  /** Why the last one has failed, and when. */
  readonly error?: string
  readonly failed?: Date
  /** The task's own policy, or else its tube's. */
  readonly maxAttempts?: number
  readonly backoff?: Backoff
  readonly key?: string
  readonly origin?: TaskOrigin
}

/** Options of {@link Tube.redrive}. */
export interface RedriveOptions {
  /** Most tasks. @default all */
  readonly limit?: number
  /** Only those that come from this tube. */
  readonly origin?: string
  /** Only those whose last error has this text in it. */
  readonly error?: string
}

export async function taskInfo(server: QueueServer, tube: string, id: TaskId): Promise<TaskInfo> {
  const info = toMap((await server.call('queue.info', [tube, id]))[0], 'what is known of a task')
  const origin = info['origin']
  const backoff = info['backoff']
  return defined({
    id: toNumber(info['id'], 'the id of a task'),
    state: toState(info['state']),
    ...toAttempts(info),
    maxAttempts: optional(info['max_attempts'], isNumber),
    backoff: backoff === undefined || backoff === null ? undefined : toBackoff(toMap(backoff, 'a backoff')),
    key: optional(info['key'], isText),
    origin: origin === undefined || origin === null ? undefined : toOrigin(toMap(origin, 'the origin of a task')),
  })
}

export async function redrive(server: QueueServer, tube: string, options: RedriveOptions): Promise<number> {
  return toNumber((await server.call('queue.redrive', [tube, options]))[0], 'a number of tasks')
}

function toAttempts(map: WireMap): Pick<TaskInfo, 'attempts' | 'error' | 'failed'> {
  return defined({
    attempts: optional(map['attempts'], isNumber) ?? 0,
    error: optional(map['error'], isText),
    failed: toDate(map['failed']),
  })
}

function toOrigin(map: WireMap): TaskOrigin {
  return defined({
    tube: optional(map['tube'], isText) ?? '',
    id: toNumber(map['id'], 'the id of a task'),
    ...toAttempts(map),
    key: optional(map['key'], isText),
  })
}

function toBackoff(map: WireMap): Backoff {
  const kind = map['kind']
  const known: Backoff['kind'] = kind === 'fixed' || kind === 'linear' ? kind : 'exponential'
  return defined({
    kind: known,
    delay: toNumber(map['delay'], 'the delay of a backoff'),
    max: optional(map['max'], isNumber),
    jitter: optional(map['jitter'], isNumber),
  })
}

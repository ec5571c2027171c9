// queue.complete_many(tube, {{id, token, result}, …}) → per item [id, '-']
// queue.progress(tube, id, value, {token}), queue.log(tube, id, line, {token}) → nothing
// queue.result(tube, id) → {id, state, outcome, ended, error, log, progress, result}
// queue.wait(tube, id | {id, …}, timeout) → the same, or an array of it or {code, message}
import type { QueueError } from '../errors.ts'
import { defined, isText, optional, toDate, toList, toMap, toNumber, type WireMap } from './maps.ts'
import type { Lease, QueueServer } from './server.ts'
import { itemError } from './server-errors.ts'
import { type TaskId, type TaskState, toState } from './task-tuple.ts'

const OUTCOMES = ['done', 'failed', 'deleted', 'expired'] as const

/** How a task has ended: acked, buried or dead, deleted, its ttl passed. */
export type TaskOutcome = (typeof OUTCOMES)[number]

/** What is known of a task and its end. */
export interface TaskResult<R = unknown> {
  readonly id: TaskId
  readonly state: TaskState
  /** Absent: the task goes on. */
  readonly outcome?: TaskOutcome
  /** What the task was completed with. */
  readonly result?: R
  /** Why it has failed. */
  readonly error?: string
  readonly ended?: Date
  readonly progress?: unknown
  /** Up to the last 100 lines. */
  readonly log?: readonly string[]
}

/** Most seconds of one request: a wait that is longer is made of several. */
const MAX_WAIT_S = 60

export async function note(
  server: QueueServer,
  fn: 'queue.progress' | 'queue.log',
  tube: string,
  { id, token }: Lease,
  value: unknown,
): Promise<void> {
  await server.call(fn, [tube, id, value, { token }])
}

export async function taskResult(server: QueueServer, tube: string, id: TaskId): Promise<TaskResult> {
  return toResult((await server.call('queue.result', [tube, id]))[0])
}

/** Waits for the end of one task; `Infinity` waits for ever. */
export async function waitForOne(server: QueueServer, tube: string, id: TaskId, seconds: number): Promise<TaskResult> {
  return await inParts(seconds, async (part) => {
    const result = toResult(await wait(server, tube, id, part))
    return { result, isOver: result.outcome !== undefined }
  })
}

/** The same of many; what is not there is an error in its place. */
export async function waitForMany(
  server: QueueServer,
  tube: string,
  ids: readonly TaskId[],
  seconds: number,
): Promise<(TaskResult | QueueError)[]> {
  return await inParts(seconds, async (part) => {
    const results = toList(await wait(server, tube, ids, part), 'an array of results').map(toItem)
    return { result: results, isOver: results.every((item) => item instanceof Error || item.outcome !== undefined) }
  })
}

async function wait(server: QueueServer, tube: string, what: unknown, seconds: number): Promise<unknown> {
  return (await server.callWaiting('queue.wait', [tube, what, seconds], seconds))[0]
}

/** No request waits for ever: one whose server is gone without a word ends, and so does its wait. */
async function inParts<R>(
  seconds: number,
  ask: (seconds: number) => Promise<{ readonly result: R; readonly isOver: boolean }>,
): Promise<R> {
  for (let left = seconds; ; left -= MAX_WAIT_S) {
    const { result, isOver } = await ask(Math.min(left, MAX_WAIT_S))
    if (isOver || left <= MAX_WAIT_S) return result
  }
}

function toItem(value: unknown): TaskResult | QueueError {
  const map = toMap(value, 'a result')
  return map['code'] === undefined ? fromMap(map) : itemError(map)
}

function toResult(value: unknown): TaskResult {
  return fromMap(toMap(value, 'a result'))
}

function fromMap(map: WireMap): TaskResult {
  const log = map['log']
  const outcome = optional(map['outcome'], isOutcome)
  return defined({
    id: toNumber(map['id'], 'the id of a task'),
    // At the moment of its commit the server may still call the task taken.
    state: outcome === undefined || outcome === 'failed' ? toState(map['state']) : 'done',
    outcome,
    result: map['result'],
    error: optional(map['error'], isText),
    ended: toDate(map['ended']),
    progress: map['progress'],
    log: log === undefined || log === null ? undefined : toList(log, 'a log').filter(isText),
  })
}

export function isOutcome(value: unknown): value is TaskOutcome {
  return typeof value === 'string' && OUTCOMES.some((outcome) => outcome === value)
}

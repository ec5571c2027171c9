import { BatchError, type QueueError } from './errors.ts'
import { requireInteger, requireSeconds, requireText } from './options.ts'
import type { PeekedTask } from './task.ts'
import { cancelByKey, findByKey } from './wire/dedup.ts'
import { type RedriveOptions, redrive, type TaskInfo, taskInfo } from './wire/failure.ts'
import { type ChildTask, childrenOf } from './wire/flows.ts'
import { type PauseOptions, type SetRateOptions, setRate, switchTube } from './wire/rates.ts'
import { type TaskResult, taskResult, waitForMany, waitForOne } from './wire/results.ts'
import type { QueueServer } from './wire/server.ts'
import type { TaskId, TaskStatus } from './wire/task-tuple.ts'

/**
 * What can be asked of a tube beside puts and takes: each is one call. Those that need an option of the
 * tube reject with `ABILITY_NOT_ENABLED` without it, and with `FUNCTION_MISSING` where the server has none.
 */
export abstract class TubeFunctions<T> {
  readonly name: string
  readonly #server: QueueServer

  protected constructor(name: string, server: QueueServer) {
    this.name = name
    this.#server = server
  }

  /** The payload that a row holds, as the tube's users put it. */
  protected abstract open(id: TaskId, stored: unknown): Promise<T>

  /** The task with this id, in whatever state; rejects with `TASK_NOT_FOUND`. */
  async peek(id: TaskId): Promise<PeekedTask<T>> {
    requireInteger('id', id, 0)
    const { data, ...status } = await this.#server.peek(this.name, id)
    return { ...status, data: await this.open(id, data) }
  }

  /** Removes a task in whatever state, even when a worker holds it. */
  async delete(id: TaskId): Promise<TaskStatus> {
    requireInteger('id', id, 0)
    return await this.#server.delete(this.name, id)
  }

  /** Makes up to `count` buried tasks ready again; resolves with how many there were. */
  async kick(count: number = 1): Promise<number> {
    requireInteger('count', count, 1)
    return await this.#server.kick(this.name, count)
  }

  /** Removes all tasks. */
  truncate(): Promise<void> {
    return this.#server.manage('queue.truncate', this.name)
  }

  /** Removes the tube; rejects with `TUBE_IN_USE` while somebody takes from it or holds a task. */
  drop(): Promise<void> {
    return this.#server.manage('queue.drop', this.name)
  }

  /** The task that has this key, in whatever state; `undefined` if none has. Needs a tube with `dedup`. */
  async find({ key }: { readonly key: string }): Promise<PeekedTask<T> | undefined> {
    requireText('key', key)
    const found = await findByKey(this.#server, this.name, key)
    if (found === undefined) return undefined
    const { data, ...status } = found
    return { ...status, data: await this.open(found.id, data) }
  }

  /**
   * Deletes the task with this key if nobody holds it; of one that is held, the put that was to follow it
   * (`dedup: 'after'`). Resolves with whether there was something. Needs a tube with `dedup`.
   */
  async cancel(key: string): Promise<boolean> {
    requireText('key', key)
    return await cancelByKey(this.#server, this.name, key)
  }

  /** A task's attempts: how many have failed, and why; rejects with `TASK_NOT_FOUND`. */
  async info(id: TaskId): Promise<TaskInfo> {
    requireInteger('id', id, 0)
    return await taskInfo(this.#server, this.name, id)
  }

  /**
   * Puts the tasks of this dead-letter tube back to where they have failed, their attempts at 0; resolves
   * with how many. Those stay that somebody holds, and those whose tube is gone or full. Needs the role admin.
   */
  async redrive(options: RedriveOptions = {}): Promise<number> {
    if (options.limit !== undefined) requireInteger('limit', options.limit, 1)
    return await redrive(this.#server, this.name, options)
  }

  /** What is known of a task and of its end; `TASK_NOT_FOUND` when neither is kept. Needs a tube with `keep`. */
  async result<R = unknown>(id: TaskId): Promise<TaskResult<R>> {
    requireInteger('id', id, 0)
    // R is the caller's promise about what the workers complete with, as T is about payloads.
    return (await taskResult(this.#server, this.name, id)) as TaskResult<R>
  }

  /**
   * Waits until a task has ended, for up to `seconds`, for ever if absent. Resolves with its result, without
   * an `outcome` if the time is over; rejects with `TASK_NOT_FOUND`. Needs a tube with `keep`.
   */
  async wait<R = unknown>(id: TaskId, seconds: number = Number.POSITIVE_INFINITY): Promise<TaskResult<R>> {
    requireInteger('id', id, 0)
    requireWait(seconds)
    // See result().
    return (await waitForOne(this.#server, this.name, id, seconds)) as TaskResult<R>
  }

  /** Waits until all of up to 1000 tasks have ended; rejects with a {@link BatchError} if some are not known. */
  async waitAll<R = unknown>(
    ids: readonly TaskId[],
    seconds: number = Number.POSITIVE_INFINITY,
  ): Promise<TaskResult<R>[]> {
    for (const id of ids) requireInteger('id', id, 0)
    requireWait(seconds)
    // See result().
    return allOrError((await waitForMany(this.#server, this.name, ids, seconds)) as (TaskResult<R> | QueueError)[])
  }

  /** A task's children in the order of the put, and how they have ended. Needs a tube with `flows`. */
  async children(id: TaskId): Promise<ChildTask[]> {
    requireInteger('id', id, 0)
    return await childrenOf(this.#server, this.name, id)
  }

  /**
   * Lets takes of the tube, or of one lane, wait until resume(); puts go on, and what is taken can be
   * finished. Outlives restarts. Resolves with whether it was not paused before. Needs the role admin.
   */
  async pause(options: PauseOptions = {}): Promise<boolean> {
    return await switchTube(this.#server, 'queue.pause', this.name, options)
  }

  /** Ends pause(); resolves with whether it was paused. Needs the role admin. */
  async resume(options: PauseOptions = {}): Promise<boolean> {
    return await switchTube(this.#server, 'queue.resume', this.name, options)
  }

  /** Holds deliveries to a rate: of the tube, of a lane, or of each lane. Outlives restarts. Needs the role admin. */
  async setRate(options: SetRateOptions): Promise<void> {
    await setRate(this.#server, this.name, options)
  }
}

function requireWait(seconds: number): void {
  if (seconds !== Number.POSITIVE_INFINITY) requireSeconds('seconds', seconds)
}

/** The values, or an error that says what became of each item. */
function allOrError<R>(items: readonly (R | QueueError)[]): R[] {
  const values: R[] = []
  for (const item of items) {
    if (item instanceof Error) throw new BatchError(items.map(toSettled))
    values.push(item)
  }
  return values
}

function toSettled<R>(item: R | QueueError): PromiseSettledResult<R> {
  return item instanceof Error ? { status: 'rejected', reason: item } : { status: 'fulfilled', value: item }
}

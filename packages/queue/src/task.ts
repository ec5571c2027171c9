import { QueueError } from './errors.ts'
import { requireSeconds } from './options.ts'
import type { Lease, SettleFunction } from './wire/server.ts'
import type { Delivery, TaskId, TaskState, TaskStatus } from './wire/task-tuple.ts'

/** What a task needs of its tube. */
export interface TaskHome {
  readonly name: string
  settle(fn: SettleFunction, lease: Lease, argument?: unknown): Promise<TaskStatus>
  peek(id: TaskId): Promise<PeekedTask>
}

/** A look at a task, without holding it. */
export interface PeekedTask<T = unknown> extends TaskStatus {
  readonly data: T
}

/** Options of {@link Task.release}. */
export interface ReleaseOptions {
  /** Seconds until the task is ready again. @default 0, at once. */
  readonly delay?: number
}

/**
 * A task that this client holds until it is acked, released, buried or deleted, its ttr ends, or the
 * connection is lost. Every method sends the delivery's token, so a handle whose time is over can
 * never act on the task's next delivery: it rejects with `TASK_NOT_TAKEN`.
 *
 *   held ──ack, release, bury, delete──> settling ──confirmed──> settled
 *     ^──────────────────────refused or connection lost──────────┘ (may be repeated)
 */
export class Task<T = unknown> {
  readonly id: TaskId
  readonly data: T
  readonly #home: TaskHome
  readonly #lease: Lease
  #state: TaskState = 'taken'
  #phase: 'held' | 'settling' | 'settled' = 'held'

  /** Made by a tube; the payload's type is the tube's promise. */
  constructor(home: TaskHome, delivery: Delivery) {
    this.id = delivery.id
    // What the tube's producers put is what `queue.tube<T>()` says they put; the server does not know types.
    this.data = delivery.data as T
    this.#home = home
    this.#lease = { id: delivery.id, token: delivery.token }
  }

  /** Name of the tube it came from. */
  get tube(): string {
    return this.#home.name
  }

  /** As this client knows it: `taken` until one of the methods below is confirmed. */
  get state(): TaskState {
    return this.#state
  }

  /** Whether ack, release, bury or delete was confirmed, or is on its way. */
  get isSettled(): boolean {
    return this.#phase !== 'held'
  }

  /** The work is done: the task is gone for good. */
  ack(): Promise<void> {
    return this.#settle('queue.ack_many')
  }

  /** Gives the task back, to be taken again, after `delay` seconds if given. */
  async release(options: ReleaseOptions = {}): Promise<void> {
    if (options.delay === undefined) return this.#settle('queue.release_many')
    requireSeconds('delay', options.delay)
    return this.#settle('queue.release_many', { delay: options.delay })
  }

  /** Puts the task aside until somebody kicks it. */
  bury(): Promise<void> {
    return this.#settle('queue.bury_many')
  }

  /** Removes the task without calling it done. */
  delete(): Promise<void> {
    return this.#settle('queue.delete_many')
  }

  /** Holds the task for `seconds` longer. */
  async touch(seconds: number): Promise<void> {
    requireSeconds('seconds', seconds)
    if (this.#phase !== 'held') throw this.#settled()
    await this.#home.settle('queue.touch_many', this.#lease, seconds)
  }

  /** The task as the server has it now. Rejects with `TASK_NOT_FOUND` when it is gone. */
  async peek(): Promise<PeekedTask<T>> {
    const peeked = await this.#home.peek(this.id)
    // See the constructor.
    return peeked as PeekedTask<T>
  }

  async #settle(fn: SettleFunction, argument?: unknown): Promise<void> {
    if (this.#phase !== 'held') throw this.#settled()
    this.#phase = 'settling'
    try {
      const { state } = await this.#home.settle(fn, this.#lease, argument)
      this.#phase = 'settled'
      this.#state = state
    } catch (error) {
      // The task may still be held: the caller decides by the error whether to try again.
      this.#phase = 'held'
      throw error
    }
  }

  #settled(): QueueError {
    const text = `Task ${this.id} of tube ${this.tube} is ${this.#phase} already (${this.#state}): a task can be settled once`
    return new QueueError('TASK_SETTLED', text)
  }
}

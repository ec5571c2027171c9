import type { Outcomes } from './batch/joiner.ts'
import { resultsOf } from './batch/settle-all.ts'
import type { TaskHeaders } from './diagnostics.ts'
import { QueueError } from './errors.ts'
import { requireSeconds } from './options.ts'
import { headersOf } from './payload/headers.ts'
import { pack } from './ports.ts'
import type { Lease, SettleFunction } from './wire/server.ts'
import type { Delivery, TaskId, TaskState, TaskStatus } from './wire/task-tuple.ts'

/** What a task needs of its tube. */
export interface TaskHome {
  readonly name: string
  /** `bytes`: how long the argument is, roughly. */
  settle(fn: SettleFunction, lease: Lease, argument?: unknown, bytes?: number): Promise<TaskStatus>
  note(fn: 'queue.progress' | 'queue.log', lease: Lease, value: unknown): Promise<void>
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

/** Options of {@link Task.fail}. */
export interface FailOptions {
  /** Seconds until the next attempt. @default by the policy of the task or its tube; at once if there is none */
  readonly delay?: number
  /** There is no other attempt, whatever the policy says. @default false */
  readonly final?: boolean
}

/** What the server keeps of an error, bytes; characters of that have as many or more. */
const MAX_ERROR_LENGTH = 1024

/**
 * A task that this client holds until it is acked, released, buried or deleted, its ttr ends, or the
 * connection is lost. Every method sends the delivery's token, so a handle whose time is over can
 * never act on the task's next delivery: it rejects with `TASK_NOT_TAKEN`.
 *
 *   held ──ack, complete, release, fail, bury, delete──> settling ──confirmed──> settled
 *     ^───────────────refused or connection lost──────────────┘ (may be repeated)
 */
export class Task<T = unknown> {
  readonly id: TaskId
  readonly data: T
  /** What travelled with the task beside its payload, such as the producer's trace context. */
  readonly headers: TaskHeaders | undefined
  readonly #home: TaskHome
  readonly #lease: Lease
  #state: TaskState = 'taken'
  #phase: 'held' | 'settling' | 'settled' = 'held'

  /** Made by a tube; the payload's type is the tube's promise. */
  constructor(home: TaskHome, delivery: Delivery) {
    this.id = delivery.id
    // What the tube's producers put is what `queue.tube<T>()` says they put; the server does not know types.
    this.data = delivery.data as T
    this.headers = delivery.headers
    this.#home = home
    this.#lease = { id: delivery.id, token: delivery.token }
  }

  /**
   * For {@link Tube.ackMany}: acks tasks of one tube together. `send` is given the leases of those that can be
   * settled. Rejects with a {@link BatchError} if one fails.
   */
  static async ackAll<T>(
    tasks: readonly Task<T>[],
    send: (leases: readonly Lease[]) => Promise<Outcomes<TaskStatus>>,
  ): Promise<void> {
    const errors = new Map<number, unknown>()
    const places: number[] = []
    const leases: Lease[] = []
    for (const [at, task] of tasks.entries()) {
      if (task.#phase === 'held') {
        task.#phase = 'settling'
        places.push(at)
        leases.push(task.#lease)
      } else errors.set(at, task.#settled())
    }
    const sent = await send(leases)
    for (const [i, at] of places.entries()) {
      const task = tasks[at]
      const status = sent.results[i]
      if (task === undefined) continue
      if (status !== undefined) {
        task.#phase = 'settled'
        task.#state = status.state
      } else {
        task.#phase = 'held'
        errors.set(at, sent.errors.get(i))
      }
    }
    resultsOf({ results: new Array<void>(tasks.length), errors })
  }

  /** Name of the tube it came from. */
  get tube(): string {
    return this.#home.name
  }

  /** For {@link Tube.ackMany}: whether it came from that tube object. */
  isOf(home: TaskHome): boolean {
    return this.#home === home
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

  /** An ack with a result, any MessagePack value, for {@link Tube.wait}. Needs a tube with `keep`. */
  async complete(result: unknown): Promise<void> {
    const { value, size } = pack(result ?? null)
    return this.#settle('queue.complete_many', value, size)
  }

  /**
   * This attempt has failed: it is counted, and the task is delayed, buried, or moved to a dead-letter tube,
   * as the task's or the tube's policy says (`maxAttempts`, `backoff`, `deadLetter` of createTube). Without a
   * policy it is ready at once. `error` is kept as text of up to 1024 bytes, see {@link Tube.info}.
   */
  async fail(error?: unknown, { delay, final }: FailOptions = {}): Promise<void> {
    if (delay !== undefined) requireSeconds('delay', delay)
    const text = error === undefined ? undefined : toErrorText(error)
    const argument = {
      ...(text === undefined ? {} : { error: text }),
      ...(delay === undefined ? {} : { delay }),
      ...(final === true ? { final } : {}),
    }
    return this.#settle('queue.fail_many', argument, text?.length)
  }

  /** Says how far the work is: any value of up to 64 KiB as MessagePack. Needs a tube with `keep`. */
  async progress(value: unknown): Promise<void> {
    if (this.#phase !== 'held') throw this.#settled()
    await this.#home.note('queue.progress', this.#lease, value)
  }

  /** Adds a line to the task's log; the last 100 lines of up to 1024 bytes are kept. Needs a tube with `keep`. */
  async log(line: string): Promise<void> {
    if (this.#phase !== 'held') throw this.#settled()
    await this.#home.note('queue.log', this.#lease, line)
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

  async #settle(fn: SettleFunction, argument?: unknown, bytes?: number): Promise<void> {
    if (this.#phase !== 'held') throw this.#settled()
    this.#phase = 'settling'
    try {
      const { state } = await this.#home.settle(fn, this.#lease, argument, bytes)
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

/** The task of a delivery, with what its payload holds. */
export function toTask<T>(home: TaskHome, delivery: Delivery, data: unknown): Task<T> {
  if (data === delivery.data) return new Task<T>(home, delivery)
  return new Task<T>(home, { ...delivery, data, headers: headersOf(delivery.data) })
}

/** What an operator reads of an error: its name, code and message. */
function toErrorText(error: unknown): string {
  const text = error instanceof Error ? describe(error) : String(error)
  return text.slice(0, MAX_ERROR_LENGTH)
}

function describe(error: Error): string {
  const code = 'code' in error && typeof error.code === 'string' ? ` [${error.code}]` : ''
  return `${error.name}${code}: ${error.message}`
}

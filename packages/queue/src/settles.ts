import type { Joiner, Sized } from './batch/joiner.ts'
import { settleAll } from './batch/settle-all.ts'
import { settleChannel, traceSettle } from './diagnostics.ts'
import type { QueueError } from './errors.ts'
import { Task, type TaskHome } from './task.ts'
import type { Lease, QueueServer, SettleFunction } from './wire/server.ts'
import type { TaskStatus } from './wire/task-tuple.ts'

type SettleItem = readonly unknown[]
type SettleJoiner = Joiner<SettleItem, TaskStatus>

export interface SettlesOptions {
  readonly tube: string
  readonly server: QueueServer
  readonly join: (send: (items: SettleItem[]) => Promise<(TaskStatus | QueueError)[]>) => SettleJoiner
}

/** `[id, token, argument]` of a settling call is about this long. */
const ITEM_BYTES = 24

/** What ends the deliveries of one tube: those of one turn that are ended by one function travel together. */
export class Settles {
  readonly #options: SettlesOptions
  readonly #joiners = new Map<SettleFunction, SettleJoiner>()

  constructor(options: SettlesOptions) {
    this.#options = options
  }

  /** `bytes`: how long the argument is, roughly. */
  add(fn: SettleFunction, lease: Lease, argument: unknown, bytes: number): Promise<TaskStatus> {
    const joiner = this.#joinerOf(fn)
    const item = argument === undefined ? [lease.id, lease.token] : [lease.id, lease.token, argument]
    return traceSettle(this.#options.tube, fn, lease.id, () => joiner.add(item, ITEM_BYTES + bytes))
  }

  /** Acks tasks together; each by itself where somebody listens to each, or where a task is of another tube object. */
  async ackAll<T>(home: TaskHome, tasks: readonly Task<T>[]): Promise<void> {
    if (settleChannel.hasSubscribers || tasks.some((task) => !task.isOf(home))) {
      await settleAll(tasks.map((task) => task.ack()))
      return
    }
    const acks = this.#joinerOf('queue.ack_many')
    await Task.ackAll(tasks, (leases) => acks.addAll(leases.map(toItem)))
  }

  /** Resolves when nothing waits and nothing is on its way. */
  async onIdle(): Promise<void> {
    await Promise.all(Array.from(this.#joiners.values(), (joiner) => joiner.onIdle()))
  }

  #joinerOf(fn: SettleFunction): SettleJoiner {
    let joiner = this.#joiners.get(fn)
    if (joiner === undefined) {
      const { tube, server, join } = this.#options
      joiner = join((items) => server.settleMany(fn, tube, items))
      this.#joiners.set(fn, joiner)
    }
    return joiner
  }
}

function toItem({ id, token }: Lease): Sized<SettleItem> {
  return { value: [id, token], size: ITEM_BYTES }
}

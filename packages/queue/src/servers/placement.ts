import { UsageError } from '../errors.ts'
import { expected, type PutOptions, requireInteger, requireText } from '../options.ts'
import { systemClock } from '../ports.ts'
import type { Queue } from '../queue.ts'
import type { Tube } from '../tube.ts'
import type { PutStatus } from '../wire/task-tuple.ts'
import type { Handler, WorkerOptions } from '../worker/options.ts'
import type { CloseOptions } from '../worker/shutdown.ts'
import type { Closable, Worker } from '../worker/worker.ts'
import { Loads } from './loads.ts'
import {
  Members,
  type MembersInternals,
  type MembersOptions,
  noServer,
  type ServerTarget,
  type Unreached,
} from './members.ts'
import { rendezvous } from './rendezvous.ts'

/** Options of a {@link Placement}. */
export interface PlacementOptions extends MembersOptions {
  /** A tube of this name is on every server. */
  readonly tube: string
  /** The server beside this process: the one that work() takes from unless told otherwise. */
  readonly self?: string
  /** Milliseconds for which the numbers of waiting tasks count as known. @default 1000 */
  readonly statisticsMs?: number
}

/** What became of a put, and where. */
export interface Placed extends PutStatus {
  readonly server: string
}

/** Options of {@link Placement.putFor}. */
export interface PutForOptions extends PutOptions {
  /**
   * Names that the key is spread over, so that servers which come or go meanwhile change nothing: keep the
   * {@link Placement.servers} of a mailing's start in its messages. @default those of now
   */
  readonly among?: readonly string[]
}

/** Options of {@link Placement.work}. */
export interface PlacementWorkOptions extends WorkerOptions {
  /** `'all'` takes from every server, with a worker, and its `concurrency`, for each. @default 'local' */
  readonly takeFrom?: 'local' | 'all'
}

/** One tube on several servers or replica sets: which of them gets a task, and which are taken from. */
export class Placement<T = unknown> {
  readonly #members: Members
  readonly #tube: string
  readonly #self: string | undefined
  readonly #loads: Loads
  readonly #workers: Closable[] = []

  constructor(options: PlacementOptions, internals: MembersInternals = {}) {
    const { tube, self, statisticsMs = 1000 } = options
    requireText('tube', tube)
    requireInteger('statisticsMs', statisticsMs, 1)
    if (self !== undefined && !Object.hasOwn(options.servers, self)) {
      throw expected('self', 'the name of one of the servers', self)
    }
    this.#members = new Members(options, internals)
    this.#tube = tube
    this.#self = self
    this.#loads = new Loads(this.#members, tube, statisticsMs, internals.clock ?? systemClock)
  }

  /** Names of all servers, sorted. */
  get servers(): string[] {
    return this.#members.names
  }

  /** The server that has the key: the same in every process, and for most keys the same when a server comes or goes. */
  serverFor(key: string, among: readonly string[] = this.servers): string {
    requireText('key', key)
    const [name] = rendezvous(key, among)
    if (name === undefined) throw new UsageError('INVALID_ARGUMENT', 'Expected `among` to name one server at least')
    return name
  }

  /**
   * Stores a task on the key's server. It goes nowhere else: rejects with `NO_SERVER` if that one is down,
   * and `sent` says whether it may be stored all the same.
   */
  async putFor(key: string, data: T, { among, ...options }: PutForOptions = {}): Promise<Placed> {
    const server = this.serverFor(key, among)
    const answer = await this.#put(server, data, options)
    if ('value' in answer) return answer.value
    throw noServer(`the key '${key}', which belongs to '${server}'`, answer, answer.sent)
  }

  /**
   * Stores a task on the server with the fewest tasks, as far as is known, or on another one if that is down.
   * Rejects with `NO_SERVER`; with `sent: true` if a server was lost meanwhile and may have it: then it was not
   * given to another one.
   */
  async put(data: T, options: PutOptions = {}): Promise<Placed> {
    this.#loads.refresh()
    let last: Unreached | undefined
    for (const server of this.#loads.order(this.servers.filter((name) => this.#members.isOpen(name)))) {
      const answer = await this.#put(server, data, options)
      if ('value' in answer) return answer.value
      if (answer.sent) throw noServer('the task', answer, true)
      last = answer
    }
    throw noServer('the task', last, false)
  }

  /** The tube on one server, for all else. Rejects if the server is down. */
  async on(server: string): Promise<Tube<T>> {
    return this.#tubeOf(await this.#members.queue(server))
  }

  /** Runs `handler` for the tasks of the own server, or of all; resolves with one worker for each. They must be up. */
  async work(handler: Handler<T>, { takeFrom = 'local', ...options }: PlacementWorkOptions = {}): Promise<Worker<T>[]> {
    const tubes = await Promise.all(this.#sources(takeFrom).map((name) => this.on(name)))
    const workers = tubes.map((tube) => tube.work(handler, options))
    this.#workers.push(...workers)
    return workers
  }

  add(name: string, target: ServerTarget): void {
    this.#members.add(name, target)
  }

  /** Gives this server no more tasks without a key; its keys stay with it until remove(). */
  drain(name: string): void {
    this.#members.drain(name)
  }

  /** Forgets a server: its keys go to the others. */
  async remove(name: string): Promise<void> {
    await this.#members.remove(name)
  }

  /** Closes the workers, see {@link Worker.close}, and the connections made here. */
  async close(options: CloseOptions = {}): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.close(options)))
    await this.#members.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #put(server: string, data: T, options: PutOptions): Promise<{ readonly value: Placed } | Unreached> {
    this.#loads.started(server)
    try {
      const answer = await this.#members.use(server, (queue) => this.#tubeOf(queue).put(data, options))
      return 'value' in answer ? { value: { ...answer.value, server } } : answer
    } finally {
      this.#loads.ended(server)
    }
  }

  #tubeOf(queue: Queue): Tube<T> {
    return queue.tube<T>(this.#tube)
  }

  #sources(takeFrom: 'local' | 'all'): string[] {
    if (takeFrom === 'all') return this.servers
    if (this.#self === undefined) {
      throw new UsageError('INVALID_ARGUMENT', "Expected `self` to be given, or `takeFrom` to be 'all'")
    }
    return [this.#self]
  }
}

import { Queue } from '@tarantella/queue'
import { Placement } from '@tarantella/queue/servers'
import { keyOfPush, type Push } from './messages.ts'

/** A mailing that gives nothing new for so long, while pushes are missing, gives nothing more. */
const STALL_MS = 20_000
const CONCURRENCY = 256

/** Takes the pushes of every server, and writes down where each was: stands for the gateways. */
export class Deliveries implements AsyncDisposable {
  /** By key: the servers that had the push, one for each time that it came. */
  readonly #servers = new Map<string, string[]>()
  readonly #queues = new Map<string, Queue>()
  readonly #placement: Placement<Push>
  #misplaced = 0
  #arrived = (): void => undefined

  private constructor(uris: Readonly<Record<string, string>>) {
    this.#placement = new Placement({ servers: uris, tube: 'pushes' })
  }

  static async start(uris: Readonly<Record<string, string>>): Promise<Deliveries> {
    const deliveries = new Deliveries(uris)
    for (const [name, uri] of Object.entries(uris)) {
      const queue = await Queue.connect(uri)
      deliveries.#queues.set(name, queue)
      queue.tube<Push>('pushes').work(({ data }) => deliveries.#arrive(data, name), { concurrency: CONCURRENCY })
    }
    return deliveries
  }

  /** Keys of the pushes that have come, sorted. */
  get keys(): string[] {
    return [...this.#servers.keys()].sort()
  }

  /** Keys of those that have come more than once. */
  get repeats(): string[] {
    return [...this.#servers].filter(([, servers]) => servers.length > 1).map(([key]) => key)
  }

  /** Pushes that were not on the server of their key. */
  get misplaced(): number {
    return this.#misplaced
  }

  /** Pushes by server. */
  get shares(): Readonly<Record<string, number>> {
    const all = [...this.#servers.values()].flat()
    return Object.fromEntries(
      Array.from(this.#queues.keys(), (name) => [name, all.filter((server) => server === name).length]),
    )
  }

  /** Resolves when so many different pushes are here. @throws if for {@link STALL_MS} no new one comes */
  async count(wanted: number): Promise<void> {
    while (this.#servers.size < wanted) {
      await new Promise<void>((resolve, reject) => {
        const stalled = setTimeout(() => {
          reject(new Error(`PUSHES ARE LOST: ${this.#servers.size} of ${wanted} are here, and no more come`))
        }, STALL_MS)
        this.#arrived = () => {
          clearTimeout(stalled)
          resolve()
        }
      })
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(Array.from(this.#queues.values(), (queue) => queue.close()))
    await this.#placement.close()
  }

  #arrive(push: Push, server: string): void {
    const key = keyOfPush(push)
    if (this.#placement.serverFor(key, push.among) !== server) this.#misplaced += 1
    const servers = this.#servers.get(key)
    if (servers === undefined) this.#servers.set(key, [server])
    else servers.push(server)
    this.#arrived()
  }
}

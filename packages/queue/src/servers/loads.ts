import type { Clock } from '../ports.ts'
import type { Members } from './members.ts'

/** What is known of one server's load. */
interface Load {
  /** Tasks in its tube when it was last asked, and those that were put since. */
  tasks: number
  /** Puts under way. */
  inFlight: number
}

/** How busy each server is: asked now and then, when somebody puts, and counted in between. */
export class Loads {
  readonly #members: Members
  readonly #tube: string
  readonly #everyMs: number
  readonly #clock: Clock
  readonly #loads = new Map<string, Load>()
  /** On the clock, ms. */
  #askedAt = Number.NEGATIVE_INFINITY

  constructor(members: Members, tube: string, everyMs: number, clock: Clock) {
    this.#members = members
    this.#tube = tube
    this.#everyMs = everyMs
    this.#clock = clock
  }

  /** The least busy first; of equal ones the order is that of the names. */
  order(names: readonly string[]): string[] {
    return names.toSorted((a, b) => this.#sum(a) - this.#sum(b))
  }

  started(name: string): void {
    this.#of(name).inFlight += 1
  }

  ended(name: string): void {
    const load = this.#of(name)
    load.inFlight -= 1
    load.tasks += 1
  }

  /** Asks all servers if the last time is long enough ago. Nobody waits for the answers. */
  refresh(): void {
    const now = this.#clock.now()
    if (now - this.#askedAt < this.#everyMs) return
    this.#askedAt = now
    for (const name of this.#loads.keys()) if (!this.#members.has(name)) this.#loads.delete(name)
    for (const name of this.#members.names) void this.#ask(name)
  }

  /** Never rejects. */
  async #ask(name: string): Promise<void> {
    try {
      const answer = await this.#members.use(name, (queue) => queue.statistics(this.#tube))
      if ('value' in answer) this.#of(name).tasks = answer.value.tasks.total
    } catch {
      // What is wrong with the server is told to whoever puts a task there.
    }
  }

  #sum(name: string): number {
    const { tasks, inFlight } = this.#of(name)
    return tasks + inFlight
  }

  #of(name: string): Load {
    let load = this.#loads.get(name)
    if (load === undefined) {
      load = { tasks: 0, inFlight: 0 }
      this.#loads.set(name, load)
    }
    return load
  }
}

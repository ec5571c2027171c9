import { setTimeout as sleep } from 'node:timers/promises'
import { TarantellaError } from '@tarantella/connector'
import type { Tube } from '@tarantella/queue'

const PRODUCERS = 64
const PAUSE_MS = 20

/** What became of each put; the payload of a task is its number, from 0 on. */
export class Producers {
  /** Id of each confirmed put; -1: its outcome is not known. */
  readonly ids: number[] = []
  readonly #tube: Tube<number>
  #next = 0
  #isPaused = false
  #isOver = false
  readonly #loops: Promise<void>[]

  constructor(tube: Tube<number>) {
    this.#tube = tube
    this.#loops = Array.from({ length: PRODUCERS }, () => this.#produce())
  }

  get confirmed(): number {
    return this.ids.reduce((count, id) => (id >= 0 ? count + 1 : count), 0)
  }

  /** So that the backlog is bounded. */
  setPaused(isPaused: boolean): void {
    this.#isPaused = isPaused
  }

  /** Resolves when no put is under way any more. */
  async stop(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#loops)
  }

  async #produce(): Promise<void> {
    while (!this.#isOver) {
      if (this.#isPaused) {
        await sleep(PAUSE_MS)
        continue
      }
      const data = this.#next++
      this.ids[data] = await this.#put(data)
    }
  }

  /** Repeats what was certainly not executed; a put whose outcome is unknown may be there or not. */
  async #put(data: number): Promise<number> {
    for (;;) {
      try {
        const { id } = await this.#tube.put(data)
        return id
      } catch (error) {
        if (!(error instanceof TarantellaError)) throw error
        if (error.sent) return -1
        await sleep(PAUSE_MS)
      }
    }
  }
}

import { QueueError } from '../errors.ts'
import type { Clock } from '../ports.ts'
import type { Tube } from '../tube.ts'
import type { TaskState } from '../wire/task-tuple.ts'
import type { Trace } from './baton.ts'
import type { Members } from './members.ts'
import type { ResolvedRing } from './ring-options.ts'

/** A trace, and where it was found. */
export interface FoundTrace<B> {
  readonly server: string
  readonly trace: Trace<B>
  /** `delayed`: a baton has come by within the last `silence` seconds. */
  readonly state: TaskState
}

/** Pauses while another process on the same server looks after the trace, ms. */
const BUSY_PAUSE_MS = 100
const BUSY_TRIES = 100

/**
 * What the servers know of a mailing: one task per server and mailing, which every baton moves `silence`
 * seconds ahead. One that becomes ready says that no baton came by.
 */
export class Traces<B> {
  readonly #members: Members
  readonly #ring: ResolvedRing
  readonly #clock: Clock
  readonly #unreached: (server: string, error: unknown) => void

  constructor(members: Members, ring: ResolvedRing, clock: Clock, unreached: (server: string, error: unknown) => void) {
    this.#members = members
    this.#ring = ring
    this.#clock = clock
    this.#unreached = unreached
  }

  /** Of all servers that can be reached. */
  async find(mailing: string): Promise<FoundTrace<B>[]> {
    const found = await Promise.all(this.#members.names.map((name) => this.findOn(name, mailing)))
    return found.filter((trace) => trace !== undefined)
  }

  async findOn(server: string, mailing: string): Promise<FoundTrace<B> | undefined> {
    const answer = await this.#members.use(server, (queue) =>
      queue.tube<Trace<B>>(this.#ring.watchTube).find({ key: mailing }),
    )
    if ('error' in answer) {
      this.#unreached(server, answer.error)
      return undefined
    }
    const task = answer.value
    return task === undefined ? undefined : { server, trace: task.data, state: task.state }
  }

  /** Waits while the watch of another process has the one that stands. */
  async put(tube: Tube<Trace<B>>, trace: Trace<B>): Promise<void> {
    const { silence, remember } = this.#ring
    const delay = trace.next === null ? remember : silence
    for (let tries = 0; tries < BUSY_TRIES; tries += 1) {
      const { dedup } = await tube.put(trace, { key: trace.mailing, dedup: 'replace', extend: true, delay })
      if (dedup !== 'duplicate') return
      await this.#clock.sleep(BUSY_PAUSE_MS)
    }
    throw new QueueError('TASK_BUSY', `The trace of the mailing '${trace.mailing}' is held by another process`, {
      retryable: true,
    })
  }
}

/** The trace of the latest baton. */
export function latest<B>(found: readonly FoundTrace<B>[]): FoundTrace<B> | undefined {
  return found.toSorted((a, b) => b.trace.hop - a.trace.hop || (a.server < b.server ? -1 : 1))[0]
}

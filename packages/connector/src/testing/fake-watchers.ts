import { Key, ReplyType } from '../protocol/constants.ts'
import type { FakeSession } from './fake-session.ts'

/*
 * WATCH, UNWATCH body = { EVENT_KEY: str }, without a reply
 * EVENT body          = { EVENT_KEY: str [, EVENT_DATA: any] }; the next one follows when the client has sent WATCH again
 */

/** Version of the value that the session was told last; it is told the next one if it has asked again. */
interface Watch {
  told: number
  isAsking: boolean
}

/** Values under keys, and the sessions that watch them. */
export class FakeWatchers {
  readonly #values = new Map<string, { value: unknown; version: number }>()
  readonly #watches = new Map<FakeSession, Map<string, Watch>>()

  /** The one value, or none. */
  values(key: string): readonly unknown[] {
    const entry = this.#values.get(key)
    return entry === undefined ? [] : [entry.value]
  }

  set(key: string, value: unknown): void {
    this.#values.set(key, { value, version: (this.#values.get(key)?.version ?? 0) + 1 })
    for (const session of this.#watches.keys()) this.#tell(session, key)
  }

  watch(session: FakeSession, key: string): void {
    const watches = this.#watches.get(session) ?? new Map<string, Watch>()
    this.#watches.set(session, watches)
    const watch = watches.get(key)
    if (watch === undefined) watches.set(key, { told: -1, isAsking: true })
    else watch.isAsking = true
    this.#tell(session, key)
  }

  unwatch(session: FakeSession, key: string): void {
    this.#watches.get(session)?.delete(key)
  }

  forget(session: FakeSession): void {
    this.#watches.delete(session)
  }

  #tell(session: FakeSession, key: string): void {
    const watch = this.#watches.get(session)?.get(key)
    const { value, version } = this.#values.get(key) ?? { value: undefined, version: 0 }
    if (watch?.isAsking !== true || watch.told === version) return
    watch.told = version
    watch.isAsking = false
    const body = new Map<number, unknown>([[Key.EVENT_KEY, key]])
    if (value !== undefined) body.set(Key.EVENT_DATA, value)
    session.push(ReplyType.EVENT, body)
  }
}

/** What an abort is told to. */
export interface Abortable {
  abort(reason: unknown): void
}

interface Group {
  readonly members: Set<Abortable>
  readonly listener: () => void
}

/**
 * One listener per AbortSignal, however many requests share it: an EventTarget walks through all its listeners
 * at every addition and removal, so a listener per request would be quadratic for a worker's one signal.
 */
export class AbortGroups {
  readonly #groups = new WeakMap<AbortSignal, Group>()

  add(signal: AbortSignal, member: Abortable): void {
    const group = this.#groups.get(signal) ?? this.#newGroup(signal)
    group.members.add(member)
  }

  /** To be called for every member in the end; the listener goes with the last one. */
  remove(signal: AbortSignal, member: Abortable): void {
    const group = this.#groups.get(signal)
    if (group === undefined) return
    group.members.delete(member)
    if (group.members.size > 0) return
    signal.removeEventListener('abort', group.listener)
    this.#groups.delete(signal)
  }

  #newGroup(signal: AbortSignal): Group {
    const members = new Set<Abortable>()
    const listener = (): void => {
      for (const member of [...members]) member.abort(signal.reason)
    }
    const group = { members, listener }
    signal.addEventListener('abort', listener)
    this.#groups.set(signal, group)
    return group
  }
}

/** What is known of an entry that the store has refused. */
interface Suspicion {
  /** Successes of the store when the entry first failed. */
  readonly since: number
  /** Successes of the store when it last failed alone. */
  seen: number
  /** Failures alone, with the store known to have worked since the first failure. */
  strikes: number
}

/** Before the first success. */
const NEVER = -1

/**
 * Decides what goes to the store next, and finds the entries that it refuses. Pure: no clock, no store.
 *
 *   add → | waiting | ──piece──> store ──ok──> gone
 *             ^ │ the first of them may be in the group, a piece that failed: it is tried by halves
 *             │ └──fails alone──> | suspects | ──fails alone, while others succeed──> condemned
 *             └─────fails──────┘
 *
 * An outage looks like a bad record, so nobody is condemned unless the store has taken something since.
 */
export class Sieve<Entry> {
  readonly #maxSize: number
  readonly #tries: number
  /** In order of arrival. */
  readonly #waiting = new Set<Entry>()
  /** Of those that wait: the last piece that failed, when it is being split. */
  readonly #group = new Set<Entry>()
  /** Not waiting any more; in order of their last failure. */
  readonly #suspects = new Map<Entry, Suspicion>()
  /** Successes at the first failure of each entry that waits. */
  readonly #failedAt = new Map<Entry, number>()
  #successes = 0
  /** In a row. */
  #failures = 0

  constructor(maxSize: number, tries: number) {
    this.#maxSize = maxSize
    this.#tries = tries
  }

  get size(): number {
    return this.#waiting.size + this.#suspects.size
  }

  /** Failed calls of the store since the last one that succeeded. */
  get failures(): number {
    return this.#failures
  }

  /** Whether something that has failed before waits for its next try. */
  get hasFailed(): boolean {
    return this.#suspects.size > 0 || this.#failedAt.size > 0
  }

  /** Whether those that wait fill a piece. */
  get isFull(): boolean {
    return this.#waiting.size >= this.#maxSize
  }

  /** The one that has waited longest. */
  get oldest(): Entry | undefined {
    return this.#waiting.values().next().value
  }

  /** One that was `condemned` before is tried alone from the first, and spoils no piece. */
  add(entry: Entry, condemned: boolean = false): void {
    if (condemned) this.#suspects.set(entry, { since: NEVER, seen: NEVER, strikes: 0 })
    else this.#waiting.add(entry)
  }

  delete(entry: Entry): void {
    this.#waiting.delete(entry)
    this.#group.delete(entry)
    this.#suspects.delete(entry)
    this.#failedAt.delete(entry)
  }

  /** All entries. */
  entries(): Entry[] {
    return [...this.#waiting, ...this.#suspects.keys()]
  }

  /** The next piece; empty if there is nothing. A suspect gets one try for each success of the store. */
  next(): Entry[] {
    const [suspect] = this.#suspects
    if (suspect !== undefined && (this.#waiting.size === 0 || this.#successes > suspect[1].seen)) return [suspect[0]]
    if (this.#group.size > 0) return first(this.#group, Math.ceil(this.#group.size / 2))
    return first(this.#waiting, this.#maxSize)
  }

  succeeded(piece: readonly Entry[]): void {
    for (const entry of piece) this.delete(entry)
    this.proved()
    this.#failures = 0
  }

  /** The store is known to work by other means. */
  proved(): void {
    this.#successes += 1
  }

  /** Says nothing about the records. */
  outage(): void {
    this.#failures += 1
    this.#group.clear()
  }

  /** Returns the entry that is condemned by this failure; it is not here any more. */
  failed(piece: readonly Entry[]): Entry | undefined {
    this.#failures += 1
    const [lone] = piece
    if (piece.length === 1 && lone !== undefined) return this.#failedAlone(lone)
    for (const entry of piece) if (!this.#failedAt.has(entry)) this.#failedAt.set(entry, this.#successes)
    if (this.#group.size === 0 && this.#failures < this.#tries) return undefined
    this.#group.clear()
    for (const entry of piece) this.#group.add(entry)
    return undefined
  }

  #failedAlone(entry: Entry): Entry | undefined {
    const since = this.#suspects.get(entry)?.since ?? this.#failedAt.get(entry) ?? this.#successes
    const strikes = (this.#suspects.get(entry)?.strikes ?? 0) + (this.#successes > since ? 1 : 0)
    this.delete(entry)
    if (strikes >= this.#tries) return entry
    this.#suspects.set(entry, { since, seen: this.#successes, strikes })
    return undefined
  }
}

function first<Entry>(entries: ReadonlySet<Entry>, count: number): Entry[] {
  const taken: Entry[] = []
  for (const entry of entries) {
    if (taken.length === count) break
    taken.push(entry)
  }
  return taken
}

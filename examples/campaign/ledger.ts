import type { Platform } from './recipients.ts'
import type { PlannedPush } from './schedule.ts'

/** What has become of one push; the ledger alone writes it. */
interface Entry {
  readonly tube: Platform
  readonly dueAt: number
  /** Requests that came to the gateway for it. */
  attempts: number
  /** How many of them the gateway accepted: more than one is a duplicate. */
  accepted: number
  /** Whether the latest request has been refused, or is not judged yet. */
  isOpen: boolean
  isEarly: boolean
  /** From the due moment to the first acceptance. */
  latenessMs: number
}

export interface LedgerTotals {
  readonly recipients: number
  readonly delivered: number
  readonly lost: number
  /** Pushes that came to the gateway before their due moment. */
  readonly early: number
  /** Acceptances beyond the first of a push. */
  readonly duplicates: number
  /** Requests that came again because an earlier one had been refused. */
  readonly retries: number
  /** Of every delivered push, ascending. */
  readonly latenessMs: readonly number[]
}

/** What one tube delivered since it was last asked for. */
export interface RecentDeliveries {
  readonly delivered: number
  readonly latenessMs: readonly number[]
}

/**
 * The campaign's own book, kept at the gateway's door and knowing the plan: it judges by what has arrived there,
 * and takes nothing from the queue's word. Times are milliseconds since 1970.
 */
export class Ledger {
  readonly #entries = new Map<string, Entry>()
  readonly #recent = new Map<Platform, number[]>()
  readonly #planned = new Map<Platform, number>()
  readonly #delivered = new Map<Platform, number>()
  #waiters: { readonly count: number; readonly resolve: () => void }[] = []
  #retries = 0
  #duplicates = 0

  constructor(pushes: Iterable<PlannedPush>) {
    for (const { recipient, tube, dueAt } of pushes) {
      this.#entries.set(recipient.id, {
        tube,
        dueAt,
        attempts: 0,
        accepted: 0,
        isOpen: false,
        isEarly: false,
        latenessMs: 0,
      })
      increment(this.#planned, tube)
    }
  }

  /**
   * A request for this recipient has come in.
   *
   * @returns which one it is, counted from 1; undefined if nobody planned a push for this id
   */
  arrive(id: string, now: number): number | undefined {
    const entry = this.#entries.get(id)
    if (entry === undefined) return undefined
    if (now < entry.dueAt) entry.isEarly = true
    if (entry.isOpen) this.#retries++
    entry.isOpen = true
    entry.attempts++
    return entry.attempts
  }

  /** The request that has just arrived is accepted; otherwise it counts as refused. */
  accept(id: string, now: number): void {
    const entry = this.#entries.get(id)
    if (entry === undefined) return
    entry.isOpen = false
    entry.accepted++
    if (entry.accepted > 1) {
      this.#duplicates++
      return
    }
    entry.latenessMs = now - entry.dueAt
    increment(this.#delivered, entry.tube)
    const recent = this.#recent.get(entry.tube) ?? []
    recent.push(entry.latenessMs)
    this.#recent.set(entry.tube, recent)
    this.#wake(this.delivered)
  }

  /** Resolves when so many recipients have got their push; by default all. */
  whenDelivered(count: number = this.#entries.size): Promise<void> {
    return new Promise((resolve) => {
      this.#waiters.push({ count, resolve })
      this.#wake(this.delivered)
    })
  }

  get delivered(): number {
    let sum = 0
    for (const count of this.#delivered.values()) sum += count
    return sum
  }

  planned(tube: Platform): number {
    return this.#planned.get(tube) ?? 0
  }

  deliveredOf(tube: Platform): number {
    return this.#delivered.get(tube) ?? 0
  }

  /** The deliveries since the last call for this tube; the caller asks steadily, for what has not been asked for is kept. */
  takeRecent(tube: Platform): RecentDeliveries {
    const latenessMs = this.#recent.get(tube) ?? []
    this.#recent.set(tube, [])
    return { delivered: latenessMs.length, latenessMs }
  }

  get size(): number {
    return this.#entries.size
  }

  totals(): LedgerTotals {
    const entries = [...this.#entries.values()]
    const latenessMs = entries.filter(({ accepted }) => accepted > 0).map((entry) => entry.latenessMs)
    latenessMs.sort((a, b) => a - b)
    return {
      recipients: entries.length,
      delivered: latenessMs.length,
      lost: entries.length - latenessMs.length,
      early: entries.filter(({ isEarly }) => isEarly).length,
      duplicates: this.#duplicates,
      retries: this.#retries,
      latenessMs,
    }
  }

  #wake(delivered: number): void {
    for (const { resolve } of this.#waiters.filter(({ count }) => count <= delivered)) resolve()
    this.#waiters = this.#waiters.filter(({ count }) => count > delivered)
  }
}

function increment(counts: Map<Platform, number>, tube: Platform): void {
  counts.set(tube, (counts.get(tube) ?? 0) + 1)
}

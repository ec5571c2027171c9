import { ConnectionError } from '@tarantella/connector'
import type { Queue, TubeStatistics } from '@tarantella/queue'
import type { Ledger } from './ledger.ts'
import { percentile } from './percentile.ts'
import type { TubeProgress, View } from './progress.ts'
import type { Platform } from './recipients.ts'

type TaskCounts = TubeStatistics['tasks']

const NOTHING: Pick<TaskCounts, 'delayed' | 'ready' | 'taken'> = { delayed: 0, ready: 0, taken: 0 }
/** The server is asked once a second, however often the view is drawn. */
const ASK_EVERY_MS = 1_000

/** Shows the campaign at the pace that the view wants, until it is disposed of. */
export class Monitor {
  readonly #queue: Queue
  readonly #ledger: Ledger
  readonly #tubes: readonly Platform[]
  readonly #view: View
  readonly #campaignTime: (now: number) => number
  readonly #counts = new Map<Platform, TaskCounts>()
  readonly #timer: NodeJS.Timeout
  #shownAt = performance.now()
  #askedAt = Number.NEGATIVE_INFINITY
  /** While the server is away the question waits, and the last known figures stand. */
  #isAsking = false
  #problem = ''

  constructor(
    of: { readonly queue: Queue; readonly ledger: Ledger; readonly campaignTime: (now: number) => number },
    tubes: readonly Platform[],
    view: View,
  ) {
    this.#queue = of.queue
    this.#ledger = of.ledger
    this.#campaignTime = of.campaignTime
    this.#tubes = tubes
    this.#view = view
    this.#timer = setInterval(() => this.#tick(), view.everyMs)
  }

  /** Asks the server now, and shows its figures. */
  async refresh(): Promise<void> {
    await this.#ask()
    this.#show()
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }

  #tick(): void {
    this.#show()
    if (!this.#isAsking && performance.now() - this.#askedAt >= ASK_EVERY_MS - this.#view.everyMs / 2) void this.#ask()
  }

  /**
   * Never rejects, for figures for the eye may be missed. A lost connection shows by figures that stand still until the
   * client has the next one; anything else is shown once.
   */
  async #ask(): Promise<void> {
    this.#isAsking = true
    this.#askedAt = performance.now()
    try {
      await Promise.all(
        this.#tubes.map(async (tube) => {
          this.#counts.set(tube, (await this.#queue.statistics(tube)).tasks)
        }),
      )
      this.#problem = ''
    } catch (error) {
      if (error instanceof ConnectionError) return
      const problem = error instanceof Error ? error.message : String(error)
      if (problem !== this.#problem) this.#view.note(`no statistics: ${problem}`)
      this.#problem = problem
    } finally {
      this.#isAsking = false
    }
  }

  #show(): void {
    const now = performance.now()
    const seconds = Math.max(now - this.#shownAt, 1) / 1000
    this.#shownAt = now
    const tubes = this.#tubes.map((tube) => this.#progressOf(tube, seconds))
    this.#view.show({ tubes, campaignTime: this.#campaignTime(Date.now()) })
  }

  #progressOf(tube: Platform, seconds: number): TubeProgress {
    const { delayed, ready, taken } = this.#counts.get(tube) ?? NOTHING
    const recent = this.#ledger.takeRecent(tube)
    const sorted = [...recent.latenessMs].sort((a, b) => a - b)
    return {
      tube,
      planned: this.#ledger.planned(tube),
      delayed,
      ready,
      taken,
      done: this.#ledger.deliveredOf(tube),
      perSecond: recent.delivered / seconds,
      lateness: sorted.length === 0 ? undefined : { p50: percentile(sorted, 50), p99: percentile(sorted, 99) },
    }
  }
}

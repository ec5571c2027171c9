import { setTimeout as sleep } from 'node:timers/promises'
import type { FaultProxy } from '../helpers/fault-proxy.ts'
import type { TarantoolServer } from '../helpers/start-tarantool.ts'
import type { Span } from './checker.ts'
import { nowUs } from './journal.ts'
import type { Workers } from './workers.ts'

export const FAULTS = [
  'kill worker',
  'cut worker',
  'lose replies',
  'cut producer',
  'stop worker',
  'kill server',
] as const
export type Fault = (typeof FAULTS)[number]

/** How often each comes, beside the others. */
const WEIGHTS: Readonly<Record<Fault, number>> = {
  'kill worker': 4,
  'cut worker': 4,
  'lose replies': 3,
  'cut producer': 2,
  'stop worker': 1,
  'kill server': 1,
}

/** Replies are thrown away for so long, ms. */
const LOSING_MS = 30

export interface FaultsOptions {
  readonly server: TarantoolServer
  readonly workers: Workers
  readonly producerProxy: FaultProxy
  readonly random: () => number
  /** Between two faults on average, ms. */
  readonly everyMs: number
  /** Seconds; a worker is stopped for half as long again. */
  readonly ttr: number
}

/** Breaks something again and again; the first round has each fault once. */
export class Faults {
  readonly counts: Record<Fault, number> = Object.fromEntries(FAULTS.map((fault) => [fault, 0] as const)) as Record<
    Fault,
    number
  >
  /** When the server was away. */
  readonly outages: Span[] = []
  readonly #options: FaultsOptions

  constructor(options: FaultsOptions) {
    this.#options = options
  }

  /** Until `signal` aborts; then everything runs again. */
  async run(signal: AbortSignal): Promise<void> {
    const { random, everyMs } = this.#options
    const first: Fault[] = [...FAULTS]
    for (;;) {
      await sleep(everyMs * (0.5 + random()))
      if (signal.aborted) return
      const fault = first.shift() ?? this.#choose()
      this.counts[fault] += 1
      await this.#inflict(fault)
    }
  }

  #choose(): Fault {
    const total = FAULTS.reduce((sum, fault) => sum + WEIGHTS[fault], 0)
    let left = this.#options.random() * total
    for (const fault of FAULTS) {
      left -= WEIGHTS[fault]
      if (left < 0) return fault
    }
    return 'cut worker'
  }

  async #inflict(fault: Fault): Promise<void> {
    const { server, workers, producerProxy, random, ttr } = this.#options
    // Worker 0 is not killed: its memory is watched.
    const any = Math.floor(random() * workers.count)
    const mortal = 1 + Math.floor(random() * (workers.count - 1))
    switch (fault) {
      case 'kill worker':
        return workers.kill(mortal)
      case 'cut worker':
        return workers.cut(any)
      case 'lose replies':
        return workers.loseReplies(any, sleep(LOSING_MS))
      case 'cut producer':
        return producerProxy.resetAll()
      case 'stop worker':
        return workers.stop(mortal, sleep(ttr * 1500))
      case 'kill server': {
        const from = nowUs()
        await server.kill()
        await server.restart()
        this.outages.push({ from, to: nowUs() })
      }
    }
  }
}

import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Queue } from '@tarantella/queue'
import { startFaultProxy } from '../helpers/fault-proxy.ts'
import { startTarantool, type TarantoolServer } from '../helpers/start-tarantool.ts'
import { Checker, type Span, type Verdict } from './checker.ts'
import { type Fault, Faults } from './faults.ts'
import { nowUs, readJournal } from './journal.ts'
import { Producers } from './producers.ts'
import { seeded } from './random.ts'
import { Workers } from './workers.ts'

const INIT_FILE = join(import.meta.dirname, '..', '..', 'tarantool', 'init.lua')
const PASSWORD = 'soak'
/** Seconds. */
const TTR = 2
/** Tasks that wait at most, about; then the producers pause. */
const MAX_BACKLOG = 20_000
const LOOK_MS = 200
/** Later than this a look at the clock says that the machine stood still, us. */
const STALL_US = 500_000
/** How long the workers may take for what is left when nothing breaks any more, ms. */
const DRAIN_MS = 180_000

export interface SoakOptions {
  readonly minutes: number
  readonly seed: number
  readonly workers: number
  /** Between two faults on average, ms. */
  readonly faultEveryMs: number
}

export interface SoakReport {
  readonly seed: number
  readonly seconds: number
  /** Puts that were confirmed, and those of which nothing is known. */
  readonly confirmed: number
  readonly unknown: number
  readonly faults: Readonly<Record<Fault, number>>
  readonly verdict: Verdict
  /** MiB after the first quarter and at the end; of the worker that is never killed and of the server. */
  readonly workerHeap: readonly [early: number, late: number]
  readonly serverMemory: readonly [early: number, late: number]
}

/** Puts and does tasks for so long while everything breaks, then lets the workers finish, and judges. */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  const { seed } = options
  const random = seeded(seed)
  const folder = await mkdtemp(join(tmpdir(), 'tarantella-soak-'))
  const server = await startTarantool({
    initFile: INIT_FILE,
    ready: /tarantella ready on/,
    env: { TARANTELLA_ADMIN_PASSWORD: PASSWORD, TARANTELLA_MEMORY: '2GB' },
  })
  const uri = (port: number): string => `tarantool://queue_admin:${PASSWORD}@127.0.0.1:${port}`
  const control = await Queue.connect(uri(server.port))
  await control.createTube('soak', { type: 'fifottl', ttr: TTR })
  const producerProxy = await startFaultProxy({ serverPort: server.port })
  const producerQueue = await Queue.connect(uri(producerProxy.port))
  const workers = await Workers.start({
    count: options.workers,
    serverPort: server.port,
    password: PASSWORD,
    ttr: TTR,
    seed,
    folder,
  })
  try {
    const start = performance.now()
    const watch = new Watch(server, control)
    const producers = new Producers(producerQueue.tube('soak'))
    const faults = new Faults({ server, workers, producerProxy, random, everyMs: options.faultEveryMs, ttr: TTR })
    const over = new AbortController()
    const breaking = faults.run(over.signal)
    await watch.during(options.minutes * 60_000, (backlog) => producers.setPaused(backlog > MAX_BACKLOG))
    over.abort()
    await breaking
    await producers.stop()
    const left = await watch.untilEmpty(DRAIN_MS)
    await workers.close()
    const seconds = (performance.now() - start) / 1000

    const { ids } = producers
    const { outages } = faults
    const checker = new Checker({
      journals: workers.journals,
      ids,
      absences: workers.absences,
      outages,
      stalls: watch.stalls,
    })
    const verdict = await checker.judge()
    const violations = [...verdict.violations, ...workers.crashes]
    if (left > 0) violations.push(`${left} tasks are left in the tube`)
    return {
      seed,
      seconds,
      confirmed: producers.confirmed,
      unknown: ids.length - producers.confirmed,
      faults: faults.counts,
      verdict: { ...verdict, violations },
      workerHeap: await heapOf(workers.steadyJournal),
      serverMemory: watch.memory,
    }
  } finally {
    await workers.destroy()
    await producerQueue.close()
    await control.close()
    await producerProxy[Symbol.asyncDispose]()
    await server[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  }
}

/** Looks at the server and at the clock again and again. */
class Watch {
  readonly stalls: Span[] = []
  readonly #server: TarantoolServer
  readonly #control: Queue
  readonly #memory: number[] = []

  constructor(server: TarantoolServer, control: Queue) {
    this.#server = server
    this.#control = control
  }

  get memory(): [number, number] {
    return quarterAndEnd(this.#memory)
  }

  async during(ms: number, onBacklog: (tasks: number) => void): Promise<void> {
    const end = performance.now() + ms
    while (performance.now() < end) {
      await this.#look()
      // While the server is away nothing is known, and nothing can be put.
      onBacklog((await this.#backlog()) ?? 0)
    }
  }

  /** Resolves with how many tasks are left. */
  async untilEmpty(ms: number): Promise<number> {
    const end = performance.now() + ms
    for (;;) {
      const left = await this.#backlog()
      if (left === 0 || performance.now() > end) return left ?? Number.NaN
      await this.#look()
    }
  }

  async #look(): Promise<void> {
    const from = nowUs()
    await sleep(LOOK_MS)
    if (nowUs() - from > STALL_US) this.stalls.push({ from, to: nowUs() })
    const status = await readFile(`/proc/${this.#server.pid}/status`, 'utf8').catch(() => '')
    const kib = /VmRSS:\s+(\d+)/.exec(status)?.[1]
    if (kib !== undefined) this.#memory.push(Number(kib) / 1024)
  }

  async #backlog(): Promise<number | undefined> {
    try {
      return (await this.#control.statistics('soak')).tasks.total
    } catch {
      return undefined
    }
  }
}

async function heapOf(journal: string): Promise<[number, number]> {
  const heap: number[] = []
  for await (const { kind, data } of readJournal(journal)) if (kind === 'm') heap.push(data / 2 ** 20)
  return quarterAndEnd(heap)
}

function quarterAndEnd(values: readonly number[]): [number, number] {
  return [values[Math.floor(values.length / 4)] ?? Number.NaN, values.at(-1) ?? Number.NaN]
}

import { Counter, Gauge, Histogram, type Registry, register } from 'prom-client'
import { errorLabel, handleChannel, listen, putChannel, settleChannel, takeChannel } from './diagnostics.ts'

/** Seconds. From a reply over loopback up to a handler that takes minutes. */
const BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30, 120]

/** Options of {@link Metrics}. */
export interface MetricsOptions {
  /** @default prom-client's global one */
  readonly registry?: Registry | undefined
  /** Before the name of each metric. @default 'tarantella_queue_' */
  readonly prefix?: string | undefined
  /** Upper bounds of the histograms, in seconds. @default from 0.0005 to 120 */
  readonly buckets?: readonly number[] | undefined
}

/** What is asked of a worker; any `Worker` will do. */
export interface WorkerSource {
  readonly running: number
  readonly held: number
}

/**
 * Metrics of all queues of this process, from the moment it is made until {@link Metrics.stop}:
 *
 * | metric | labels |
 * |---|---|
 * | `put_duration_seconds`, a histogram: a call of put or putMany until it is confirmed | `tube` |
 * | `put_tasks_total` | `tube`, `outcome`: `ok` or the code of the error |
 * | `taken_tasks_total`: by take and takeMany | `tube` |
 * | `settled_tasks_total` | `tube`, `operation`: `ack`, `release`, …, `outcome` |
 * | `settle_duration_seconds`, a histogram | `tube`, `operation` |
 * | `handler_duration_seconds`, a histogram | `tube`, `outcome` |
 * | `calls_in_flight`, a gauge | `tube`, `call`: `put`, `take`, `settle`, `handle` |
 *
 * and for each worker that was added, labelled `worker`: `running_handlers` and `held_tasks`, gauges. Tubes are labels:
 * they are few, or this is not for you.
 */
export class Metrics {
  readonly #registry: Registry
  readonly #names: string[] = []
  readonly #prefix: string
  readonly #buckets: readonly number[]
  readonly #workers = new Map<string, WorkerSource>()
  readonly #starts = new WeakMap<object, number>()
  readonly #stops: (() => void)[] = []
  readonly #inFlight: Gauge<'tube' | 'call'>

  constructor({ registry, prefix = 'tarantella_queue_', buckets = BUCKETS }: MetricsOptions = {}) {
    this.#registry = registry ?? register
    this.#prefix = prefix
    this.#buckets = buckets
    this.#inFlight = new Gauge(this.#config('calls_in_flight', 'Begun and not settled', ['tube', 'call']))
    this.#observePuts()
    this.#observeTakes()
    this.#observeSettles()
    this.#observeHandlers()
    this.#observeWorkers()
  }

  /** Adds a worker's own figures, labelled with `name`; one of the same name is replaced. */
  add(name: string, worker: WorkerSource): void {
    this.#workers.set(name, worker)
  }

  remove(name: string): void {
    this.#workers.delete(name)
  }

  /** Takes its metrics out of the registry and listens no more. */
  stop(): void {
    for (const stop of this.#stops.splice(0)) stop()
    for (const name of this.#names.splice(0)) this.#registry.removeSingleMetric(name)
    this.#workers.clear()
  }

  #observePuts(): void {
    const durations = this.#histogram('put_duration_seconds', 'From the put until it is confirmed', ['tube'])
    const tasks = new Counter(this.#config('put_tasks_total', 'Tasks of puts that are settled', ['tube', 'outcome']))
    this.#observe(putChannel, 'put', (message, seconds) => {
      durations.observe({ tube: message.tube }, seconds)
      tasks.inc({ tube: message.tube, outcome: outcomeOf(message) }, message.count)
    })
  }

  #observeTakes(): void {
    const tasks = new Counter(this.#config('taken_tasks_total', 'Tasks that take and takeMany brought', ['tube']))
    this.#observe(takeChannel, 'take', ({ tube, tasks: { length } }) => {
      tasks.inc({ tube }, length)
    })
  }

  #observeSettles(): void {
    const by = ['tube', 'operation'] as const
    const durations = this.#histogram('settle_duration_seconds', 'From the ack until it is confirmed', by)
    const tasks = new Counter(this.#config('settled_tasks_total', 'Acks and their like', [...by, 'outcome']))
    this.#observe(settleChannel, 'settle', (message, seconds) => {
      const { tube, operation } = message
      durations.observe({ tube, operation }, seconds)
      tasks.inc({ tube, operation, outcome: outcomeOf(message) })
    })
  }

  #observeHandlers(): void {
    const durations = this.#histogram('handler_duration_seconds', 'Runs of handlers', ['tube', 'outcome'])
    this.#observe(handleChannel, 'handle', (message, seconds) => {
      durations.observe({ tube: message.tube, outcome: outcomeOf(message) }, seconds)
    })
  }

  #observeWorkers(): void {
    const workers = this.#workers
    const gauge = (name: string, help: string, read: (worker: WorkerSource) => number): Gauge<'worker'> =>
      new Gauge({
        ...this.#config(name, help, ['worker']),
        collect() {
          this.reset()
          for (const [label, source] of workers) this.set({ worker: label }, read(source))
        },
      })
    gauge('running_handlers', 'Handlers that run', ({ running }) => running)
    gauge('held_tasks', 'Tasks that are asked for, wait for a handler, run, or are being settled', ({ held }) => held)
  }

  #observe<M extends { readonly tube: string }>(
    tracing: Parameters<typeof listen<M>>[0],
    call: string,
    settled: (message: M, seconds: number) => void,
  ): void {
    const stop = listen<M>(tracing, {
      started: (message) => {
        this.#starts.set(message, performance.now())
        this.#inFlight.inc({ tube: message.tube, call })
      },
      settled: (message) => {
        const start = this.#starts.get(message)
        // It began before this object was made.
        if (start === undefined) return
        this.#inFlight.dec({ tube: message.tube, call })
        settled(message, (performance.now() - start) / 1000)
      },
    })
    this.#stops.push(stop)
  }

  #histogram<L extends string>(name: string, help: string, labels: readonly L[]): Histogram<L> {
    return new Histogram({ ...this.#config(name, help, labels), buckets: [...this.#buckets] })
  }

  #config<L extends string>(name: string, help: string, labelNames: readonly L[]): Config<L> {
    const full = this.#prefix + name
    this.#names.push(full)
    return { name: full, help, labelNames, registers: [this.#registry] }
  }
}

interface Config<L extends string> {
  readonly name: string
  readonly help: string
  readonly labelNames: readonly L[]
  readonly registers: Registry[]
}

function outcomeOf({ error }: { error?: unknown }): string {
  return error === undefined ? 'ok' : errorLabel(error)
}

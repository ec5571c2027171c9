import { Counter, Gauge, Histogram, type Registry, register } from 'prom-client'
import type { ClientStats } from './client/client.ts'
import { connectChannel, errorLabel, listen, onDisconnect, requestChannel } from './diagnostics.ts'

/** Seconds. From a reply over loopback up to the default time limit. */
const BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30]

export interface MetricsOptions {
  /** @default prom-client's global one */
  readonly registry?: Registry | undefined
  /** Before the name of each metric. @default 'tarantella_' */
  readonly prefix?: string | undefined
  /** Upper bounds of the duration histogram, in seconds. @default from 0.0005 to 30 */
  readonly buckets?: readonly number[] | undefined
}

/** What is asked of a client; any `Client` will do. */
export interface StatsSource {
  readonly stats: ClientStats
}

const GAUGES = {
  inFlight: ['in_flight_requests', 'Requests sent and not answered'],
  queued: ['queued_requests', 'Requests that wait for a connection or for the schema'],
} as const

const COUNTERS = {
  bytesIn: ['received_bytes_total', 'Bytes received'],
  bytesOut: ['sent_bytes_total', 'Bytes sent'],
  socketWrites: ['socket_writes_total', 'Writes to the socket'],
  reconnects: ['reconnects_total', 'Sessions established after a loss'],
  unknownReplies: ['unknown_replies_total', 'Replies that nobody waited for'],
} as const

/**
 * Metrics of all clients of this process, from the moment it is made until {@link Metrics.stop}:
 *
 * | metric | labels |
 * |---|---|
 * | `request_duration_seconds`, a histogram | `operation` |
 * | `requests_total` | `operation`, `outcome`: `ok` or the code of the error |
 * | `connects_total` | `outcome` |
 * | `disconnects_total` | `code` |
 *
 * and for each client that was added, labelled `client`: `in_flight_requests`, `queued_requests`,
 * `received_bytes_total`, `sent_bytes_total`, `socket_writes_total`, `reconnects_total`, `unknown_replies_total`.
 */
export class Metrics {
  readonly #registry: Registry
  readonly #names: string[] = []
  readonly #prefix: string
  readonly #clients = new Map<string, StatsSource>()
  readonly #starts = new WeakMap<object, number>()
  readonly #stops: (() => void)[] = []
  readonly #durations: Histogram<'operation'>
  readonly #requests: Counter<'operation' | 'outcome'>

  constructor({ registry, prefix = 'tarantella_', buckets = BUCKETS }: MetricsOptions = {}) {
    this.#registry = registry ?? register
    this.#prefix = prefix
    this.#durations = new Histogram({
      ...this.#config('request_duration_seconds', 'From the call until the reply', ['operation']),
      buckets: [...buckets],
    })
    this.#requests = new Counter(this.#config('requests_total', 'Requests settled', ['operation', 'outcome']))
    this.#observeRequests()
    this.#observeConnects()
    this.#observeClients()
  }

  /** Adds a client's own figures, labelled with `name`; one of the same name is replaced. */
  add(name: string, client: StatsSource): void {
    this.#clients.set(name, client)
  }

  remove(name: string): void {
    this.#clients.delete(name)
  }

  /** Takes its metrics out of the registry and listens no more. */
  stop(): void {
    for (const stop of this.#stops.splice(0)) stop()
    for (const name of this.#names.splice(0)) this.#registry.removeSingleMetric(name)
    this.#clients.clear()
  }

  #config<L extends string>(name: string, help: string, labelNames: readonly L[]): Config<L> {
    const full = this.#prefix + name
    this.#names.push(full)
    return { name: full, help, labelNames, registers: [this.#registry] }
  }

  #observeRequests(): void {
    const stop = listen(requestChannel, {
      started: (message) => this.#starts.set(message, performance.now()),
      settled: (message) => {
        const { operation, error } = message
        const start = this.#starts.get(message)
        // It began before this object was made.
        if (start === undefined) return
        this.#durations.observe({ operation }, (performance.now() - start) / 1000)
        this.#requests.inc({ operation, outcome: error === undefined ? 'ok' : errorLabel(error) })
      },
    })
    this.#stops.push(stop)
  }

  #observeConnects(): void {
    const connects = new Counter(this.#config('connects_total', 'Tries to establish a session', ['outcome']))
    const disconnects = new Counter(this.#config('disconnects_total', 'Sessions that ended by themselves', ['code']))
    const settled = ({ error }: { error?: unknown }): void =>
      connects.inc({ outcome: error === undefined ? 'ok' : errorLabel(error) })
    this.#stops.push(
      listen(connectChannel, { settled }),
      onDisconnect(({ error }) => disconnects.inc({ code: errorLabel(error) })),
    )
  }

  #observeClients(): void {
    const clients = this.#clients
    for (const [key, [name, help]] of entries(GAUGES)) {
      new Gauge({
        ...this.#config(name, help, ['client']),
        collect() {
          this.reset()
          for (const [client, { stats }] of clients) this.set({ client }, stats[key])
        },
      })
    }
    for (const [key, [name, help]] of entries(COUNTERS)) {
      new Counter({
        ...this.#config(name, help, ['client']),
        // The client counts; here its count is taken over.
        collect() {
          this.reset()
          for (const [client, { stats }] of clients) this.inc({ client }, stats[key])
        },
      })
    }
  }
}

interface Config<L extends string> {
  readonly name: string
  readonly help: string
  readonly labelNames: readonly L[]
  readonly registers: Registry[]
}

function entries<K extends string, V>(table: Readonly<Record<K, V>>): [K, V][] {
  // The keys of a literal are its type's, which Object.entries cannot say.
  return Object.entries(table) as [K, V][]
}

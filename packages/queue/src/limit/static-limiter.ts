import { expected } from '../options.ts'

export interface StaticZone {
  /** Clients that the real thing would keep; no meaning here. */
  readonly size: number
  /** Requests a second. */
  readonly rate: number
}

export interface StaticResource {
  /** Name of its zone; resources of one zone share their clients' queues. */
  readonly zone: string
  /** Longest queue. @default 0, which refuses every request */
  readonly burst?: number
  /** Queue length from which on requests are delayed. @default Infinity */
  readonly delay?: number
}

/** Time in seconds, client, name of the resource. */
export type StaticRequest = readonly [time: number, client: string | number, resource: string]

/** `delay` is in seconds; `excess` is the queue with the request when it is granted, without it when it is not. */
export type StaticResult = readonly [
  time: number,
  client: string | number,
  granted: boolean,
  delay: number,
  excess: number,
]

export interface StaticLimiterOptions {
  /**
   * `'fixed'`: idle time earns nothing. `'flawed'`: as the original, whose clock stands while a
   * request is left in the queue, so that a pause is credit for a burst of any size.
   * @default 'fixed'
   */
  readonly clock?: 'fixed' | 'flawed'
}

const CLOCKS: ReadonlySet<string> = new Set(['fixed', 'flawed'])

/** One client in one zone. */
interface Line {
  /** When the requests of the queue were to run, in order. */
  scheduled: number[]
  /** Up to when the queue has been drained. */
  drainedTo: number
}

/**
 * Replays a list of requests against leaky buckets, with the times that the list says: to find out
 * what a limit would have done to a log. It remembers every client, so it is not for serving; a
 * `Limiter` is. Order and kind of the operations matter to the last bit of a double.
 */
export class StaticLimiter {
  readonly #zones: Readonly<Record<string, StaticZone>>
  readonly #resources: Readonly<Record<string, StaticResource>>
  readonly #isFlawed: boolean
  readonly #lines = new Map<string, Map<string | number, Line>>()

  constructor(
    zones: Readonly<Record<string, StaticZone>>,
    resources: Readonly<Record<string, StaticResource>>,
    { clock = 'fixed' }: StaticLimiterOptions = {},
  ) {
    if (!CLOCKS.has(clock)) throw expected('clock', "'fixed' or 'flawed'", clock)
    for (const [name, { rate }] of Object.entries(zones)) {
      if (!(rate > 0 && Number.isFinite(rate))) throw expected(`zones.${name}.rate`, 'a number > 0', rate)
      this.#lines.set(name, new Map())
    }
    for (const [name, { zone }] of Object.entries(resources)) {
      if (!this.#lines.has(zone)) throw expected(`resources.${name}.zone`, 'the name of a zone', zone)
    }
    this.#zones = structuredClone(zones)
    this.#resources = structuredClone(resources)
    this.#isFlawed = clock === 'flawed'
  }

  getRequestDelay([time, client, name]: StaticRequest): StaticResult {
    const resource = Object.hasOwn(this.#resources, name) ? this.#resources[name] : undefined
    if (resource === undefined) throw expected('resource', 'the name of a resource', name)
    const { zone, burst = 0, delay = Number.POSITIVE_INFINITY } = resource
    const rate = this.#zones[zone]?.rate ?? 0
    const line = this.#line(zone, client, time)
    this.#drain(line, time, rate)
    const length = line.scheduled.length
    if (length >= burst) return [time, client, false, 0, length]
    const last = line.scheduled.at(-1)
    let start = last === undefined ? time : Math.max(time, last)
    if (last !== undefined && length >= delay) start += 1 / rate
    line.scheduled.push(start)
    return [time, client, true, start - time, length + 1]
  }

  #line(zone: string, client: string | number, time: number): Line {
    const clients = this.#lines.get(zone)
    let line = clients?.get(client)
    if (line === undefined) {
      line = { scheduled: [], drainedTo: time }
      clients?.set(client, line)
    }
    return line
  }

  #drain(line: Line, time: number, rate: number): void {
    if (line.scheduled.length === 0) {
      line.drainedTo = time
      return
    }
    const drained = Math.min(Math.floor((time - line.drainedTo) * rate), line.scheduled.length)
    if (drained <= 0) return
    line.scheduled.splice(0, drained)
    const isEmptied = line.scheduled.length === 0
    line.drainedTo = isEmptied && !this.#isFlawed ? time : line.drainedTo + drained / rate
  }
}

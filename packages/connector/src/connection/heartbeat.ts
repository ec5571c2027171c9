/** What a heartbeat needs of its connection. */
export interface Pulse {
  /** Bytes received so far. */
  bytesIn(): number
  ping(): void
  /** The peer has not answered. */
  drop(silentMs: number): void
}

/**
 * Pings a connection on which nothing was received for one interval, and drops it when nothing came in
 * the next one either. It finds a peer that has vanished without closing, and keeps the server's
 * `idle_timeout` (3.8) away. Its timer does not hold the process.
 */
export class Heartbeat {
  readonly #timer: NodeJS.Timeout
  #seen = -1
  #asked = false

  constructor(pulse: Pulse, intervalMs: number) {
    this.#timer = setInterval(() => this.#beat(pulse, intervalMs), intervalMs).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #beat(pulse: Pulse, intervalMs: number): void {
    const received = pulse.bytesIn()
    const silent = received === this.#seen
    this.#seen = received
    if (!silent) this.#asked = false
    else if (this.#asked) pulse.drop(intervalMs)
    else {
      this.#asked = true
      pulse.ping()
    }
  }
}

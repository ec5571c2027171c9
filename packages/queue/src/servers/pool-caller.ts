import { EventEmitter } from 'node:events'
import type { Caller, CallerEvent, CallOptions } from '../ports.ts'

/** What is needed of the connector's `Pool`. */
export interface CallerPool {
  /** Calls go to the instance that takes writes. */
  readonly rw: Pick<Caller, 'call'>
  readonly instances: ReadonlyMap<string, { readonly role: string | undefined }>
  on(event: 'role', listener: (name: string, role: string | undefined) => void): unknown
  on(event: 'instance-down', listener: (name: string) => void): unknown
  on(event: 'close', listener: () => void): unknown
}

/**
 * A replica set as one server of a queue: `new Queue(poolCaller(await connectPool([…])))`. Calls go to the
 * master, and to the next one after a fail-over; each change of the master is a new session. Whoever made
 * the pool closes it.
 */
export function poolCaller(pool: CallerPool): Caller {
  return new PoolCaller(pool)
}

class PoolCaller implements Caller {
  readonly #pool: CallerPool
  readonly #events = new EventEmitter<Record<CallerEvent, []>>()
  /** Undefined while there is none. */
  #master: string | undefined

  constructor(pool: CallerPool) {
    this.#pool = pool
    this.#master = Array.from(pool.instances).find(([, { role }]) => isMaster(role))?.[0]
    // Each tube and worker may listen.
    this.#events.setMaxListeners(0)
    pool.on('role', (name, role) => {
      if (isMaster(role)) this.#follow(name)
      else this.#leave(name)
    })
    pool.on('instance-down', (name) => {
      this.#leave(name)
    })
    pool.on('close', () => {
      this.#events.emit('close')
    })
  }

  call(fn: string, args: readonly unknown[], options?: CallOptions): Promise<unknown[]> {
    return this.#pool.rw.call(fn, args, options)
  }

  on(event: CallerEvent, listener: () => void): this {
    this.#events.on(event, listener)
    return this
  }

  off(event: CallerEvent, listener: () => void): this {
    this.#events.off(event, listener)
    return this
  }

  #follow(name: string): void {
    if (this.#master === name) return
    if (this.#master !== undefined) this.#leave(this.#master)
    this.#master = name
    this.#events.emit('connect')
  }

  #leave(name: string): void {
    if (this.#master !== name) return
    this.#master = undefined
    this.#events.emit('disconnect')
  }
}

/** An instance that does not say is asked all the same. */
function isMaster(role: string | undefined): boolean {
  return role === 'rw' || role === 'unknown'
}

import { EventEmitter } from 'node:events'
import type { Caller, CallOptions } from '../src/ports.ts'

interface Row {
  readonly data: unknown
  state: 'r' | 't' | '!' | '~'
}

/** Fails as a call fails whose Lua function raises, which is all that tarantool/queue knows. */
export function luaError(message: string, code = 'ER_PROC_LUA'): Error {
  return Object.assign(new Error(message), { code, frames: [{ fields: {} }] })
}

/**
 * A caller whose server answers as tarantool/queue 1.x does: one task a call, no tokens, `[]` for a take that
 * brought nothing, `[nil]` where it is not RUNNING.
 */
export class PlainServer extends EventEmitter implements Caller {
  readonly calls: (readonly [fn: string, ...args: unknown[]])[] = []
  readonly rows = new Map<number, Row>()
  isRunning = true
  capacity = Number.POSITIVE_INFINITY
  readonly #namespace: string
  #lastId = -1
  readonly #takers: (() => void)[] = []

  constructor(namespace: string = 'box.queue') {
    super()
    this.#namespace = namespace
  }

  async call(fn: string, args: readonly unknown[], _options?: CallOptions): Promise<unknown[]> {
    this.calls.push([fn, ...args])
    await Promise.resolve()
    const prefix = `${this.#namespace}.tube.push:`
    const method = fn.startsWith(prefix) ? fn.slice(prefix.length) : undefined
    if (fn === `${this.#namespace}.statistics`) return [{ tasks: { total: this.rows.size }, calls: {} }]
    if (method === undefined) throw luaError(`Procedure '${fn}' is not defined`, 'ER_NO_SUCH_PROC')
    if (!this.isRunning) return [null]
    if (method === 'put') return this.#put(args[0])
    if (method === 'take') return await this.#take(args[0] as number)
    if (method === 'kick') return [this.#kick(args[0] as number)]
    if (method === 'truncate') return this.#clear()
    return [this.#settle(method, args[0] as number)]
  }

  /** A task becomes ready behind the client's back. */
  ready(data: unknown): void {
    this.#put(data)
  }

  #put(data: unknown): unknown[] {
    if (this.rows.size >= this.capacity) return [null]
    this.#lastId += 1
    this.rows.set(this.#lastId, { data, state: 'r' })
    this.#takers.shift()?.()
    return [[this.#lastId, 'r', data]]
  }

  async #take(seconds: number): Promise<unknown[]> {
    for (let isOver = seconds === 0; ; ) {
      for (const [id, row] of this.rows) {
        if (row.state !== 'r') continue
        row.state = 't'
        return [[id, 't', row.data]]
      }
      if (isOver) return []
      isOver = await new Promise<boolean>((resolve) => {
        const timer = setTimeout(() => resolve(true), seconds * 1000)
        this.#takers.push(() => {
          clearTimeout(timer)
          resolve(false)
        })
      })
    }
  }

  #settle(method: string, id: number): unknown[] {
    const row = this.rows.get(id)
    if (row === undefined) throw luaError(`Task ${id} not found`)
    if (method === 'peek') return [id, row.state, row.data]
    if (row.state !== 't' && method !== 'delete') throw luaError('Task was not taken')
    if (method === 'ack' || method === 'delete') this.rows.delete(id)
    if (method === 'release') row.state = 'r'
    if (method === 'bury') row.state = '!'
    return [id, this.rows.get(id)?.state ?? '-', row.data]
  }

  #kick(count: number): number {
    const buried = [...this.rows.values()].filter(({ state }) => state === '!').slice(0, count)
    for (const row of buried) row.state = 'r'
    return buried.length
  }

  #clear(): unknown[] {
    this.rows.clear()
    return []
  }
}

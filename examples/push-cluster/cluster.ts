import { connect } from '@tarantella/connector'
import { Queue } from '@tarantella/queue'
import { Ring } from '@tarantella/queue/servers'
import { Service } from '../server/service.ts'
import { TarantoolServer } from '../server/tarantool-server.ts'
import { type NodeConfig, PLATFORMS, type UserRow } from './messages.ts'

const NODE = new URL('node.ts', import.meta.url)
/** Seconds for which keys of tasks that are done are kept: longer than a mailing takes. */
const WINDOW = 3600

type Settings = Omit<NodeConfig, 'self' | 'servers' | 'holdAt'> & { readonly users: number }

/** One machine: Tarantool, and the program beside it. */
interface Machine {
  readonly tarantool: TarantoolServer
  program: Service | undefined
}

/** The machines s1, s2, …. */
export class Cluster implements AsyncDisposable {
  readonly #machines: ReadonlyMap<string, Machine>
  readonly #settings: Settings

  private constructor(machines: ReadonlyMap<string, Machine>, settings: Settings) {
    this.#machines = machines
    this.#settings = settings
  }

  /** Tarantools with their users and tubes; no program runs yet. */
  static async start(size: number, settings: Settings): Promise<Cluster> {
    const machines = new Map<string, Machine>()
    const cluster = new Cluster(machines, settings)
    const file = new URL('server.lua', import.meta.url)
    const starts = await Promise.allSettled(Array.from({ length: size }, () => TarantoolServer.start({ file })))
    for (const [i, start] of starts.entries()) {
      if (start.status === 'fulfilled') machines.set(`s${i + 1}`, { tarantool: start.value, program: undefined })
    }
    try {
      for (const start of starts) if (start.status === 'rejected') throw start.reason
      await cluster.#prepare()
    } catch (error) {
      await cluster[Symbol.asyncDispose]()
      throw error
    }
    return cluster
  }

  get names(): string[] {
    return [...this.#machines.keys()]
  }

  /** Resolves when the program beside the Tarantool serves. */
  async run(self: string, holdAt = 0): Promise<void> {
    const machine = this.#machine(self)
    const { users: _, ...settings } = this.#settings
    const config: NodeConfig = { ...settings, self, servers: this.#uris(), holdAt }
    machine.program = new Service(self, NODE, [JSON.stringify(config)])
    await machine.program.line(/^listens/)
  }

  /** SIGKILL to both, as when the machine loses its power. */
  async kill(name: string): Promise<void> {
    const { tarantool, program } = this.#machine(name)
    await Promise.all([tarantool.kill(), program?.kill()])
  }

  /** After {@link kill}. */
  async revive(name: string): Promise<void> {
    await this.#machine(name).tarantool.startAgain()
    await this.run(name)
  }

  /** The program of a machine, which runs or has run. */
  program(name: string): Service {
    const { program } = this.#machine(name)
    if (program === undefined) throw new Error(`no program runs on ${name}`)
    return program
  }

  /** Presses "Fire": asks one machine after the other until one says 200. @returns what it said */
  async fire(mailing: string, order: readonly string[]): Promise<string> {
    for (const name of order) {
      const { program } = this.#machine(name)
      if (program?.isRunning !== true) {
        console.log(`${name} is not there, the next one is asked`)
        continue
      }
      const port = (await program.line(/^listens/)).replace(/\D/g, '')
      const response = await fetch(`http://127.0.0.1:${port}/${mailing}`, { method: 'POST' })
      const text = (await response.text()).trim()
      if (response.status === 200) return `${mailing} ${text}`
      console.log(`${name} answers ${response.status} ${text}`)
    }
    throw new Error('no machine could start the mailing')
  }

  /** Tasks of a machine's own queue that are not done. */
  async left(name: string): Promise<number> {
    await using queue = await Queue.connect(this.#machine(name).tarantool.uri('app'))
    const all = await Promise.all(['batches', ...PLATFORMS].map((tube) => queue.statistics(tube)))
    return all.reduce((sum, { tasks }) => sum + tasks.total, 0)
  }

  /** The ids of the whole base, as one machine has it. */
  async userIds(): Promise<UserRow[0][]> {
    await using tnt = await connect(this.#machine('s1').tarantool.uri('app'))
    const rows = await tnt.select<UserRow>('users', [], { limit: this.#settings.users + 1 })
    return rows.map(([id]) => id)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const machines = [...this.#machines.values()]
    await Promise.all(machines.map(async ({ program }) => await program?.[Symbol.asyncDispose]()))
    await Promise.all(machines.map(({ tarantool }) => tarantool[Symbol.asyncDispose]()))
  }

  async #prepare(): Promise<void> {
    await using ring = new Ring({ self: 's1', servers: this.#uris() })
    await ring.createTubes()
    for (const { tarantool } of this.#machines.values()) {
      await using tnt = await connect(tarantool.uri('app'))
      await tnt.call('fill_users', [this.#settings.users])
      const queue = new Queue(tnt)
      for (const tube of ['batches', ...PLATFORMS]) {
        await queue.createTube(tube, { type: 'fifottl', dedup: { window: WINDOW } })
      }
    }
  }

  #uris(): Record<string, string> {
    return Object.fromEntries(Array.from(this.#machines, ([name, { tarantool }]) => [name, tarantool.uri('app')]))
  }

  #machine(name: string): Machine {
    const machine = this.#machines.get(name)
    if (machine === undefined) throw new Error(`there is no machine ${name}`)
    return machine
  }
}

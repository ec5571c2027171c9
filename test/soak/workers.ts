import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type FaultProxy, startFaultProxy } from '../helpers/fault-proxy.ts'
import { nowUs } from './journal.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const PROGRAM = join(import.meta.dirname, 'worker-process.ts')

export interface WorkersOptions {
  readonly count: number
  readonly serverPort: number
  readonly password: string
  /** Seconds. */
  readonly ttr: number
  readonly seed: number
  /** Where the journals go, one for each process. */
  readonly folder: string
}

/** When a process was not itself, in microseconds. */
export interface Absence {
  readonly journal: string
  readonly kind: 'killed' | 'stopped' | 'cut'
  readonly from: number
  readonly to: number
}

interface Place {
  readonly proxy: FaultProxy
  child: ChildProcess
  journal: string
  /** Resolves when it can be told to end. */
  ready: Promise<unknown>
}

/** The worker processes, each behind a proxy of its own; one that is killed is followed by another. */
export class Workers {
  readonly absences: Absence[] = []
  /** Paths of all journals so far. */
  readonly journals: string[] = []
  /** What processes said that ended by themselves. */
  readonly crashes: string[] = []
  readonly #options: WorkersOptions
  readonly #places: Place[] = []
  #isEnding = false

  private constructor(options: WorkersOptions) {
    this.#options = options
  }

  static async start(options: WorkersOptions): Promise<Workers> {
    const workers = new Workers(options)
    for (let i = 0; i < options.count; i += 1) {
      const proxy = await startFaultProxy({ serverPort: options.serverPort })
      workers.#places.push({ proxy, ...workers.#spawn(proxy.port) })
    }
    return workers
  }

  get count(): number {
    return this.#places.length
  }

  /** The one that is never killed, so that its memory can be watched. */
  get steadyJournal(): string {
    return this.journals[0] ?? ''
  }

  /** SIGKILL; another one takes its place. Never the steady one. */
  async kill(index: number): Promise<void> {
    const place = this.#place(index)
    const from = nowUs()
    const gone = once(place.child, 'exit')
    place.child.kill('SIGKILL')
    await gone
    this.absences.push({ journal: place.journal, kind: 'killed', from, to: nowUs() })
    Object.assign(place, this.#spawn(place.proxy.port))
  }

  /** SIGSTOP, and SIGCONT when `pause` is over: a process that does not run for longer than the ttr. */
  async stop(index: number, pause: Promise<void>): Promise<void> {
    const { child, journal } = this.#place(index)
    const from = nowUs()
    child.kill('SIGSTOP')
    await pause
    child.kill('SIGCONT')
    this.absences.push({ journal, kind: 'stopped', from, to: nowUs() })
  }

  cut(index: number): void {
    const { proxy, journal } = this.#place(index)
    const now = nowUs()
    this.absences.push({ journal, kind: 'cut', from: now, to: now })
    proxy.resetAll()
  }

  /** What was sent is executed, replies are thrown away, then the connection is cut. */
  async loseReplies(index: number, pause: Promise<void>): Promise<void> {
    const { proxy, journal } = this.#place(index)
    // None yet: its process is starting.
    if (proxy.accepted === 0) return
    const connection = await proxy.connection(proxy.accepted - 1)
    connection.setCourse('toClient', { fault: 'discard' })
    const from = nowUs()
    await pause
    connection.reset()
    this.absences.push({ journal, kind: 'cut', from, to: nowUs() })
  }

  /** SIGTERM; resolves when all have closed. */
  async close(): Promise<void> {
    this.#isEnding = true
    await Promise.all(
      this.#places.map(async ({ child, proxy, ready }) => {
        await ready
        if (child.exitCode === null && child.signalCode === null) {
          const gone = once(child, 'exit')
          child.kill('SIGTERM')
          await gone
        }
        if (child.exitCode !== 0)
          this.crashes.push(`A worker ended with ${child.exitCode ?? child.signalCode} at its close`)
        await proxy[Symbol.asyncDispose]()
      }),
    )
  }

  /** For a soak that has failed in the middle. */
  async destroy(): Promise<void> {
    this.#isEnding = true
    for (const { child } of this.#places) child.kill('SIGKILL')
    for (const { proxy } of this.#places) await proxy[Symbol.asyncDispose]()
  }

  #place(index: number): Place {
    const place = this.#places[index]
    if (place === undefined) throw new RangeError(`There is no worker ${index}`)
    return place
  }

  #spawn(port: number): Omit<Place, 'proxy'> {
    const { password, ttr, seed, folder } = this.#options
    const number = this.journals.length
    const journal = join(folder, `worker-${number}.journal`)
    this.journals.push(journal)
    // One that is killed before it writes has an empty one.
    writeFileSync(journal, '')
    const uri = `tarantool://queue_admin:${password}@127.0.0.1:${port}`
    const args = [
      '--expose-gc',
      '--unhandled-rejections=strict',
      '--import',
      'tsx',
      PROGRAM,
      uri,
      journal,
      String(seed + number),
      String(ttr),
    ]
    const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] })
    const die = (): void => {
      child.kill('SIGKILL')
    }
    process.once('exit', die)
    let errors = ''
    child.stderr.on('data', (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(-5000)))
    child.once('exit', (code, signal) => {
      process.off('exit', die)
      if (!this.#isEnding && signal !== 'SIGKILL')
        this.crashes.push(`A worker ended by itself (${signal ?? code}): ${errors}`)
    })
    const ready = Promise.race([once(child.stdout, 'data'), once(child, 'exit')])
    return { child, journal, ready }
  }
}

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** A program as a process of its own. It is killed when this process ends. */
export class Service implements AsyncDisposable {
  readonly name: string
  readonly #child: ChildProcess
  readonly #lines: string[] = []
  /** Wakes those who wait for a line or for the end. */
  readonly #changed = new Set<() => void>()
  #wasKilled = false

  /** @param name for messages */
  constructor(name: string, file: URL, args: readonly (string | number)[]) {
    this.name = name
    this.#child = spawn(process.execPath, [...process.execArgv, fileURLToPath(file), ...args.map(String)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    process.on('exit', this.#killNow)
    if (this.#child.stdout === null) throw new Error('its standard output is not a pipe')
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      this.#lines.push(line)
      this.#wake()
    })
    // After its last line.
    this.#child.once('close', this.#wake)
  }

  /** The first line that matches, also one that has come before. */
  async line(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = this.#lines.find((line) => pattern.test(line))
      if (found !== undefined) return found
      if (this.#hasEnded)
        throw new Error(`the service ${this.name} has ended (${this.#ending}), and did not say ${pattern.source}`)
      await this.#change()
    }
  }

  /** @throws if it ends in another way than by itself, without an error */
  async finished(): Promise<void> {
    while (!this.#hasEnded) await this.#change()
    if (this.#child.exitCode !== 0) throw new Error(`the service ${this.name} has ended with ${this.#ending}`)
  }

  /** SIGKILL; resolves when it is gone. */
  async kill(): Promise<void> {
    this.#wasKilled = true
    await this[Symbol.asyncDispose]()
  }

  /** Whether it goes on. */
  get isRunning(): boolean {
    return !this.#hasEnded && !this.#wasKilled
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.off('exit', this.#killNow)
    if (this.#hasEnded) return
    const gone = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await gone
  }

  get #hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  get #ending(): string {
    return this.#child.signalCode ?? `code ${this.#child.exitCode}`
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#changed.add(resolve))
  }

  readonly #wake = (): void => {
    for (const resolve of this.#changed) resolve()
    this.#changed.clear()
  }

  readonly #killNow = (): void => {
    this.#child.kill('SIGKILL')
  }
}

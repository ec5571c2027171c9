import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { onTestFinished } from 'vitest'

/** A process of one test, killed when the test ends. */
export class Spawned {
  readonly #child: ChildProcess
  #output = ''

  constructor(program: string, args: readonly string[], options: SpawnOptions) {
    this.#child = spawn(program, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child.stdout?.on('data', (chunk: Buffer) => (this.#output += chunk.toString()))
    this.#child.stderr?.on('data', (chunk: Buffer) => (this.#output += chunk.toString()))
    onTestFinished(() => {
      this.#child.kill('SIGKILL')
    })
  }

  /** Resolves when it has printed this (`m` makes `^` and `$` mean lines); rejects with all it printed if it ends before. */
  async untilPrinted(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.#output)) {
      if (this.#hasEnded()) throw new Error(`It ended without printing ${pattern}:\n${this.#output}`)
      const waiting = new AbortController()
      const { signal } = waiting
      await Promise.race([
        ...[this.#child.stdout, this.#child.stderr].map((stream) => stream && once(stream, 'data', { signal })),
        once(this.#child, 'close', { signal }),
      ])
        // The losers of the race are told by the signal that nobody waits any more.
        .finally(() => waiting.abort())
    }
  }

  /** Sends SIGTERM; resolves to the exit code, or the signal that ended it. */
  async stop(): Promise<number | NodeJS.Signals | null> {
    if (!this.#hasEnded()) {
      this.#child.kill('SIGTERM')
      await once(this.#child, 'exit')
    }
    return this.#child.exitCode ?? this.#child.signalCode
  }

  #hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }
}

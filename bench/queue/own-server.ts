import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants } from 'node:fs'
import { rm } from 'node:fs/promises'
import { delimiter, join } from 'node:path'

/** A peer's server, which the benchmark has started and ends. */
export interface OwnServer extends AsyncDisposable {
  readonly port: number
  readonly version: string
}

export interface StartOptions {
  readonly program: string
  readonly args: readonly string[]
  /** Its data; removed with it. */
  readonly folder: string
  /** What it prints when it serves. */
  readonly ready: RegExp
  readonly user?: Pick<SpawnOptions, 'uid' | 'gid'>
  /** The one that ends it soon and in order. */
  readonly stopSignal: NodeJS.Signals
}

/** Starts it and waits until it is ready; rejects with what it has printed if it ends before. */
export async function startOwnServer(options: StartOptions): Promise<AsyncDisposable> {
  const { program, args, folder, ready, user, stopSignal } = options
  const child = spawn(program, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], ...user })
  const kill = (): void => {
    child.kill('SIGKILL')
  }
  process.once('exit', kill)
  child.once('exit', () => process.off('exit', kill))
  await untilPrinted(child, ready)
  return {
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) {
        const gone = once(child, 'exit')
        child.kill(stopSignal)
        await gone
      }
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function untilPrinted(child: ChildProcess, ready: RegExp): Promise<void> {
  return new Promise((resolve, reject) => {
    let output = ''
    const read = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-20_000)
      if (ready.test(output)) resolve()
    }
    child.stdout?.on('data', read)
    child.stderr?.on('data', read)
    child.once('error', reject)
    child.once('exit', () => reject(new Error(`${child.spawnfile} ended:\n${output}`)))
  })
}

/** The path of a program in one of the folders, or on PATH; undefined if it is in none. */
export function findProgram(name: string, folders: readonly string[] = []): string | undefined {
  for (const folder of [...folders, ...(process.env['PATH'] ?? '').split(delimiter)]) {
    const path = join(folder, name)
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {
      // Not in this one.
    }
  }
  return undefined
}

import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Client, connect } from '@tarantella/connector'
import { findTarantool, startTarantool, type TarantoolServer } from '../../test/helpers/start-tarantool.ts'
import type { Timing } from './measure.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const MAIN = join(import.meta.dirname, 'main.lua')
const START = join(import.meta.dirname, 'start.lua')

/** One subject in a server of its own. */
export interface OpenedSubject extends AsyncDisposable {
  readonly name: string
  readonly client: Client
  readonly server: TarantoolServer
  /** Runs a case of bench/server/main.lua. */
  run(name: string, operations: number): Promise<Timing>
}

export async function openSubject(name: string): Promise<OpenedSubject> {
  const server = await startTarantool({
    initFile: MAIN,
    ready: /the server is ready/,
    env: { BENCH_SUBJECT: name, BENCH_ROOT: ROOT },
  })
  const client = await connect({ port: server.port })
  return {
    name,
    client,
    server,
    run: async (bench, operations) => {
      const answer = await client.call<number[]>('bench_run', [bench, operations], { timeoutMs: 600_000 })
      const [done = 0, seconds = 0, cpuSeconds = 0] = answer
      return { operations: done, seconds, cpuSeconds }
    },
    async [Symbol.asyncDispose]() {
      await client.close()
      await server[Symbol.asyncDispose]()
    },
  }
}

/** What a start with a million stored tasks is like. */
export interface Start {
  readonly seconds: number
  /** The longest time for which another fiber could not run. */
  readonly gapSeconds: number
  /** Growth of the process by the queue's own structures. */
  readonly bytesPerTask: number
}

export async function measureStart(name: string): Promise<Start> {
  const binary = findTarantool()
  if (binary === undefined) throw new Error('No Tarantool found: set TARANTOOL_BIN or put `tarantool` on PATH')
  const folder = await mkdtemp(join(tmpdir(), 'tarantella-bench-'))
  const env = { ...process.env, BENCH_SUBJECT: name, BENCH_ROOT: ROOT, TARANTELLA_DATA_DIR: folder }
  const lua = (...args: string[]) => promisify(execFile)(binary, [START, ...args], { env, timeout: 300_000 })
  try {
    await lua('fill')
    const { stdout } = await lua()
    const [seconds = Number.NaN, gapSeconds = Number.NaN, bytesPerTask = Number.NaN] = stdout
      .trim()
      .split(' ')
      .map(Number)
    return { seconds, gapSeconds, bytesPerTask }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { onTestFinished } from 'vitest'

export interface TarantoolOptions {
  /** Lua that runs after `box.cfg{}`, at every start: write it so that a second run does no harm. */
  readonly script?: string
  /** A Lua file to run instead: it calls `box.cfg` itself, and finds `TARANTELLA_LISTEN` and `TARANTELLA_DATA_DIR` set. */
  readonly initFile?: string
  /** Set beside the environment of the test. */
  readonly env?: Readonly<Record<string, string>>
  /** @default a free one; then a lost race for it is retried with another */
  readonly port?: number
  /** Kept if given; else a temporary folder that is removed with the server. */
  readonly dataDir?: string
  /** With `initFile`: the line of output that says that it is ready. @default the first greeting on the port */
  readonly ready?: RegExp
  /** More `box.cfg` options as Lua, such as `wal_mode = 'none'`; only with `script`. */
  readonly cfg?: string
  /** How long one start may take. @default 30 000 */
  readonly startTimeoutMs?: number
}

/** A server of its own for one test; it is killed when the test ends. */
export interface TarantoolServer extends AsyncDisposable {
  readonly port: number
  readonly dataDir: string
  /** `tarantool://app:secret@127.0.0.1:port`; with `script` the user `app` exists and may do everything. */
  readonly uri: string
  /** The running process; undefined between `kill()` or `stop()` and `restart()`. */
  readonly pid: number | undefined
  /** The end of what it has printed. */
  output(): string
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>
  /** SIGTERM; resolves when the process is gone. */
  stop(): Promise<void>
  /** Starts it again on the same port and data, killing it first if it still runs. */
  restart(): Promise<void>
}

/** The server's binary: `TARANTOOL_BIN`, else `tarantool` on PATH. */
export function findTarantool(): string | undefined {
  const named = process.env['TARANTOOL_BIN']
  if (named !== undefined && named !== '') return named
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, 'tarantool')
    if (folder !== '' && existsSync(path)) return path
  }
  return undefined
}

const running = new Set<ChildProcess>()
// The last resort, for a test run that is broken off.
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/**
 * Starts a Tarantool server on a free port of 127.0.0.1 and waits until it is ready.
 * Inside a test its end is registered with `onTestFinished`; from `beforeAll` return
 * `() => server[Symbol.asyncDispose]()` as the hook's clean-up.
 */
export async function startTarantool(options: TarantoolOptions = {}): Promise<TarantoolServer> {
  const server = new Server(options, options.dataDir ?? (await mkdtemp(join(tmpdir(), 'tarantella-test-'))))
  try {
    onTestFinished(() => server[Symbol.asyncDispose]())
  } catch {
    // Not inside a test: the caller owns the server's end.
  }
  try {
    await server.start()
  } catch (error) {
    await server[Symbol.asyncDispose]()
    throw error
  }
  return server
}

class Server implements TarantoolServer {
  readonly dataDir: string
  port: number
  readonly #options: TarantoolOptions
  readonly #binary: string
  #child: ChildProcess | undefined
  #output = ''

  constructor(options: TarantoolOptions, dataDir: string) {
    const binary = findTarantool()
    if (binary === undefined) throw new Error('No Tarantool found: set TARANTOOL_BIN or put `tarantool` on PATH')
    this.#binary = binary
    this.#options = options
    this.dataDir = dataDir
    this.port = options.port ?? 0
  }

  get uri(): string {
    return `tarantool://app:secret@127.0.0.1:${this.port}`
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  output(): string {
    return this.#output
  }

  async start(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      if (this.port === 0) this.port = await freePort()
      try {
        return await this.#launch()
      } catch (error) {
        await this.kill()
        const lostTheRace = /in use|bind/i.test(this.#output)
        if (this.#options.port !== undefined || attempt === 3 || !lostTheRace) throw error
        this.port = 0
      }
    }
  }

  async #launch(): Promise<void> {
    const file = this.#options.initFile ?? join(this.dataDir, 'server.lua')
    if (this.#options.initFile === undefined) await writeFile(file, this.#serverLua())
    const child = spawn(this.#binary, [file], {
      cwd: this.dataDir,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        TARANTELLA_LISTEN: `127.0.0.1:${this.port}`,
        TARANTELLA_DATA_DIR: this.dataDir,
        ...this.#options.env,
      },
    })
    this.#child = child
    this.#output = ''
    running.add(child)
    child.once('exit', () => running.delete(child))
    child.once('error', () => running.delete(child))
    await this.#untilReady(child)
  }

  #serverLua(): string {
    return `
      box.cfg{ feedback_enabled = false, log_level = 4, ${this.#options.cfg ?? ''} }
      box.schema.user.create('app', { password = 'secret', if_not_exists = true })
      box.schema.user.grant('app', 'super', nil, nil, { if_not_exists = true })
      ${this.#options.script ?? ''}
      -- Last, so that nobody who reconnects after a restart finds half of it.
      box.cfg{ listen = '127.0.0.1:${this.port}' }
      io.stdout:write('the test server is ready\\n') io.stdout:flush()
    `
  }

  #untilReady(child: ChildProcess): Promise<void> {
    const { promise, resolve, reject } = withResolvers()
    const limitMs = this.#options.startTimeoutMs ?? 30_000
    const timer = setTimeout(() => reject(new Error(`Tarantool was not ready within ${limitMs} ms`)), limitMs)
    const { initFile, ready = initFile === undefined ? /the test server is ready/ : undefined } = this.#options
    const read = (chunk: Buffer): void => {
      this.#output = (this.#output + chunk.toString()).slice(-20_000)
      if (ready?.test(this.#output) === true) resolve()
    }
    child.stdout?.on('data', read)
    child.stderr?.on('data', read)
    child.once('error', reject)
    child.once('exit', (code, signal) => reject(new Error(`Tarantool ended (${signal ?? code}):\n${this.#output}`)))
    const probe = new AbortController()
    if (ready === undefined) void untilGreeting(this.port, probe.signal).then(resolve, reject)
    return promise.finally(() => {
      clearTimeout(timer)
      probe.abort()
    })
  }

  kill(): Promise<void> {
    return this.#end('SIGKILL')
  }

  stop(): Promise<void> {
    return this.#end('SIGTERM')
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill(signal)
    await gone
  }

  async restart(): Promise<void> {
    await this.kill()
    await this.#launch()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
    if (this.#options.dataDir === undefined) await rm(this.dataDir, { recursive: true, force: true })
  }
}

/** A port of 127.0.0.1 that nobody listens on at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  if (address === null || typeof address === 'string') throw new Error('Expected the address of a TCP server')
  return address.port
}

/** Tries the port until the server answers with its greeting; a refused try is followed by the next one. */
async function untilGreeting(port: number, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const socket = connect({ port, host: '127.0.0.1' })
    const greeted = await new Promise<boolean>((resolve) => {
      socket.once('data', () => resolve(true))
      socket.once('error', () => resolve(false))
      socket.once('close', () => resolve(false))
    })
    socket.destroy()
    if (greeted) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

function withResolvers(): { promise: Promise<void>; resolve: () => void; reject: (error: Error) => void } {
  let resolve: () => void = () => undefined
  let reject: (error: Error) => void = () => undefined
  const promise = new Promise<void>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}

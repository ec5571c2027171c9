import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { TemporaryFolder } from './temporary-folder.ts'

const INIT_LUA = fileURLToPath(new URL('../../tarantool/init.lua', import.meta.url))
const START_TIMEOUT_MS = 30_000
/** Between asking the server to end and making it. */
const STOP_TIMEOUT_MS = 5_000
/** As much of the server's log as an error message shows. */
const LOG_TAIL_CHARS = 1_500

/** The users that `init.lua` makes, each with the least rights for its part; and `app`, whom a file of one's own makes. */
type Role = 'admin' | 'producer' | 'consumer' | 'app'

/** `admin` itself is Tarantool's superuser. */
const USERS: Readonly<Record<Role, string>> = {
  admin: 'queue_admin',
  producer: 'producer',
  consumer: 'consumer',
  app: 'app',
}

export interface TarantoolServerOptions {
  /**
   * Where the server keeps its data (`data/`) and its log (`server.log`); made if it is not there.
   * @default a temporary one, which goes with the server
   */
  readonly folder?: string
  /** The Lua file that it runs. @default tarantool/init.lua, the queue */
  readonly file?: URL
  /** Names of the tubes to have, all of type fifottl; only of init.lua. */
  readonly tubes?: readonly string[]
  /** Called if the server ends without having been told to. @default the process ends with the error */
  readonly onUnexpectedExit?: (error: Error) => void
}

/** A Tarantool as a child process, on a port of 127.0.0.1 that was free. */
export class TarantoolServer {
  readonly #options: TarantoolServerOptions
  readonly #folder: string
  readonly #ownFolder: TemporaryFolder | undefined
  readonly #passwords: Readonly<Record<Role, string>>
  #child: ChildProcess | undefined
  /** 0 until the first start has chosen one; a restart takes the same. */
  #port = 0

  private constructor(options: TarantoolServerOptions, folder: string, ownFolder: TemporaryFolder | undefined) {
    this.#options = options
    this.#folder = folder
    this.#ownFolder = ownFolder
    this.#passwords = { admin: newPassword(), producer: newPassword(), consumer: newPassword(), app: newPassword() }
  }

  /** Resolves when the server can be used. */
  static async start(options: TarantoolServerOptions = {}): Promise<TarantoolServer> {
    const { folder } = options
    const ownFolder = folder === undefined ? await TemporaryFolder.make() : undefined
    const server = new TarantoolServer(options, folder ?? ownFolder?.path ?? '', ownFolder)
    // Before the folder goes.
    process.prependListener('exit', server.#killNow)
    try {
      await server.#launch()
      return server
    } catch (error) {
      await server[Symbol.asyncDispose]()
      throw error
    }
  }

  uri(role: Role): string {
    return `tarantool://${USERS[role]}:${this.#passwords[role]}@127.0.0.1:${this.#port}`
  }

  /** SIGKILL: no chance to write anything. Resolves when the process is gone. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** Call it before what lets the server end by itself, which is then as expected. Resolves when the process is gone. */
  async untilDead(): Promise<void> {
    const child = this.#child
    if (child === undefined) return
    child.off('exit', this.#exited)
    await once(child, 'exit')
    this.#child = undefined
  }

  /** After {@link kill} or {@link untilDead}: the same port, the same data. */
  async startAgain(): Promise<void> {
    await this.#launch()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end('SIGTERM')
    process.off('exit', this.#killNow)
    await this.#ownFolder?.[Symbol.asyncDispose]()
  }

  async #launch(): Promise<void> {
    await mkdir(join(this.#folder, 'data'), { recursive: true })
    const log = await open(this.#logFile, 'a')
    try {
      // A process group of its own: Ctrl-C in the terminal is for the campaign, which then stops the server.
      const child = spawn(process.env.TARANTOOL_BIN ?? 'tarantool', [this.#file], {
        cwd: this.#folder,
        env: this.#environment(),
        stdio: ['ignore', 'pipe', log.fd],
        detached: true,
      })
      this.#child = child
      this.#port = await readyPort(child)
      child.once('exit', this.#exited)
    } catch (error) {
      const tail = await this.#logTail()
      const reason = error instanceof Error ? error.message : String(error)
      const ending = tail === '' ? '' : `; its log ends with:\n${tail}`
      throw new Error(`the server did not start: ${reason}${ending}`, { cause: error })
    } finally {
      await log.close()
    }
  }

  get #file(): string {
    return this.#options.file === undefined ? INIT_LUA : fileURLToPath(this.#options.file)
  }

  get #logFile(): string {
    return join(this.#folder, 'server.log')
  }

  #environment(): NodeJS.ProcessEnv {
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('TARANTELLA_'))
    return {
      ...Object.fromEntries(inherited),
      TARANTELLA_LISTEN: `127.0.0.1:${this.#port}`,
      TARANTELLA_DATA_DIR: join(this.#folder, 'data'),
      TARANTELLA_TUBES: (this.#options.tubes ?? []).map((name) => `${name}:fifottl`).join(','),
      TARANTELLA_ADMIN_PASSWORD: this.#passwords.admin,
      TARANTELLA_PRODUCER_PASSWORD: this.#passwords.producer,
      TARANTELLA_CONSUMER_PASSWORD: this.#passwords.consumer,
      APP_PASSWORD: this.#passwords.app,
    }
  }

  async #logTail(): Promise<string> {
    return (await readFile(this.#logFile, 'utf8')).slice(-LOG_TAIL_CHARS).trim()
  }

  readonly #exited = (code: number | null, signal: string | null): void => {
    this.#child = undefined
    const error = new Error(`the server has ended by itself with ${signal ?? `code ${code}`}`)
    if (this.#options.onUnexpectedExit === undefined) throw error
    this.#options.onUnexpectedExit(error)
  }

  /** The last resort, should the process end without disposing of this object. */
  readonly #killNow = (): void => {
    this.#child?.kill('SIGKILL')
  }

  async #end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child?.pid === undefined) return
    child.off('exit', this.#exited)
    if (child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill(signal)
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
    await exited
    clearTimeout(timer)
  }
}

function newPassword(): string {
  return randomBytes(16).toString('hex')
}

/** Waits for the line in which the server says that it is ready, and on which port. */
function readyPort(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    const fail = (reason: Error): void => {
      clearTimeout(timer)
      reject(reason)
    }
    const timer = setTimeout(() => fail(new Error(`not ready after ${START_TIMEOUT_MS} ms`)), START_TIMEOUT_MS)
    child.once('error', (error) => fail(new Error(`${error.message} (TARANTOOL_BIN can name the program)`)))
    child.once('exit', (code, signal) => fail(new Error(`it ended with ${signal ?? `code ${code}`}`)))
    if (child.stdout === null) return
    // Read to the end, also after the line, for a full pipe would stop the server.
    createInterface({ input: child.stdout }).on('line', (line) => {
      const match = /^tarantella ready on \S+:(\d+)$/.exec(line.trim())
      if (match === null) return
      clearTimeout(timer)
      resolve(Number(match[1]))
    })
  })
}

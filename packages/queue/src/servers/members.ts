import { QueueError, UsageError } from '../errors.ts'
import { requireInteger, requireText } from '../options.ts'
import { type Clock, type ConnectTarget, systemClock } from '../ports.ts'
import { Queue } from '../queue.ts'

/** A server: where it is, or a queue client that its maker closes; over a whole replica set see {@link poolCaller}. */
export type ServerTarget = ConnectTarget | Queue

export interface MembersOptions {
  readonly servers: Readonly<Record<string, ServerTarget>>
  /** Milliseconds until a server that is dialed counts as down. @default 1000 */
  readonly connectTimeoutMs?: number
  /** Milliseconds until a server that does not answer a put counts as down. @default 5000 */
  readonly requestTimeoutMs?: number
  /** Milliseconds for which a server that is down is asked nothing. @default 5000 */
  readonly downMs?: number
}

/** What a test may replace. */
export interface MembersInternals {
  readonly clock?: Clock
  /** Milliseconds since 1970. */
  readonly wall?: () => number
}

/** One server, and what is known of it. */
interface Member {
  readonly target: ServerTarget
  /** Settles when it is connected; absent before the first use and after a failed one. */
  connecting: Promise<Queue> | undefined
  /** On the clock, ms. */
  downUntil: number
  isDrained: boolean
}

/** What became of a request: it went wrong because the server cannot be reached, and may have been executed. */
export interface Unreached {
  readonly error: unknown
  readonly sent: boolean
}

/** Codes of errors that another server may be without. */
const UNREACHABLE: ReadonlySet<unknown> = new Set([
  'CONNECT_FAILED',
  'CONNECT_TIMEOUT',
  'CONNECTION_LOST',
  'CONNECTION_CLOSED',
  'NOT_CONNECTED',
  'REQUEST_TIMEOUT',
  'SERVER_SILENT',
  'QUEUE_NOT_RUNNING',
  'QUEUE_CLOSED',
  'ER_READONLY',
  'ER_LOADING',
])

/** Servers by name: connected when first used, one connection each, and left alone for a while when they are down. */
export class Members {
  readonly #members = new Map<string, Member>()
  readonly #options: Required<Omit<MembersOptions, 'servers'>>
  readonly #clock: Clock
  #isClosed = false

  constructor(options: MembersOptions, { clock = systemClock }: MembersInternals = {}) {
    const { connectTimeoutMs = 1000, requestTimeoutMs = 5000, downMs = 5000 } = options
    requireInteger('connectTimeoutMs', connectTimeoutMs, 1)
    requireInteger('requestTimeoutMs', requestTimeoutMs, 1)
    requireInteger('downMs', downMs, 0)
    this.#options = { connectTimeoutMs, requestTimeoutMs, downMs }
    this.#clock = clock
    for (const [name, target] of Object.entries(options.servers)) this.add(name, target)
    if (this.#members.size === 0) throw new UsageError('INVALID_ARGUMENT', 'Expected `servers` to name one at least')
  }

  /** All, sorted, so that every process has them in the same order. */
  get names(): string[] {
    return [...this.#members.keys()].sort()
  }

  has(name: string): boolean {
    return this.#members.has(name)
  }

  /** Whether the server may be given something: it is not drained, and not known to be down. */
  isOpen(name: string): boolean {
    const member = this.#members.get(name)
    return member !== undefined && !member.isDrained && !this.isDown(name)
  }

  isDown(name: string): boolean {
    return (this.#members.get(name)?.downUntil ?? 0) > this.#clock.now()
  }

  add(name: string, target: ServerTarget): void {
    requireText('name', name)
    if (this.#members.has(name)) throw new UsageError('INVALID_ARGUMENT', `There is a server '${name}' already`)
    this.#members.set(name, { target, connecting: undefined, downUntil: 0, isDrained: false })
  }

  /** It is given nothing more, and still asked. */
  drain(name: string): void {
    this.#member(name).isDrained = true
  }

  /** Forgets the server, and closes its connection if it was made here. */
  async remove(name: string): Promise<void> {
    const member = this.#member(name)
    this.#members.delete(name)
    await close(member)
  }

  /**
   * Calls `request` with the server's queue. Resolves with an {@link Unreached} when the server cannot be
   * reached, which is remembered; rejects with what else the request rejects with.
   */
  async use<R>(name: string, request: (queue: Queue) => Promise<R>): Promise<{ readonly value: R } | Unreached> {
    const member = this.#member(name)
    if (this.isDown(name)) return { error: this.#downError(name), sent: false }
    try {
      const queue = await this.#connect(member)
      return { value: await this.#within(name, request(queue)) }
    } catch (error) {
      if (!isUnreachable(error)) throw error
      member.downUntil = this.#clock.now() + this.#options.downMs
      return { error, sent: error.sent }
    }
  }

  /** The queue of a server that must be up; rejects with why it is not. */
  queue(name: string): Promise<Queue> {
    return this.#connect(this.#member(name))
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.all(Array.from(this.#members.values(), close))
  }

  #connect(member: Member): Promise<Queue> {
    if (member.target instanceof Queue) return Promise.resolve(member.target)
    if (this.#isClosed) return Promise.reject(new QueueError('QUEUE_CLOSED', 'The connections were closed'))
    member.connecting ??= this.#dial(member, member.target)
    return member.connecting
  }

  async #dial(member: Member, target: ConnectTarget): Promise<Queue> {
    const options = typeof target === 'string' ? { uri: target } : target
    const { connectTimeoutMs } = this.#options
    try {
      // Whoever waits for a server that is down does better to ask another one.
      return await Queue.connect({ connectTimeoutMs, offlineQueue: false, ...options })
    } catch (error) {
      member.connecting = undefined
      throw error
    }
  }

  /** A request that is given up goes on at the server. */
  async #within<R>(name: string, request: Promise<R>): Promise<R> {
    const { requestTimeoutMs } = this.#options
    const answered = new AbortController()
    const timeout = this.#clock.sleep(requestTimeoutMs, answered.signal).then(() => {
      const text = `The server '${name}' did not answer within ${requestTimeoutMs} ms`
      throw new QueueError('SERVER_SILENT', text, { sent: true, retryable: false })
    })
    // After the answer nobody looks at it.
    timeout.catch(() => undefined)
    try {
      return await Promise.race([request, timeout])
    } finally {
      answered.abort()
    }
  }

  #downError(name: string): QueueError {
    return new QueueError('NO_SERVER', `The server '${name}' was down a moment ago`, { retryable: true })
  }

  #member(name: string): Member {
    const member = this.#members.get(name)
    if (member === undefined) throw new UsageError('INVALID_ARGUMENT', `There is no server '${name}'`)
    return member
  }
}

/** What none of the servers could be given. */
export function noServer(what: string, last: Unreached | undefined, sent: boolean): QueueError {
  return new QueueError('NO_SERVER', `No server is there for ${what}`, { retryable: !sent, sent, cause: last?.error })
}

function isUnreachable(error: unknown): error is { readonly sent: boolean } {
  return error instanceof Error && 'code' in error && 'sent' in error && UNREACHABLE.has(error.code)
}

async function close({ target, connecting }: Member): Promise<void> {
  if (target instanceof Queue || connecting === undefined) return
  // One that was never connected has nothing to close.
  const queue = await connecting.catch(() => undefined)
  await queue?.close({ graceMs: 0 })
}

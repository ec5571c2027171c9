import { Client } from '../client/client.ts'
import { ServerError } from '../errors.ts'
import { type ConnectOptions, type ResolvedOptions, resolveOptions } from '../options.ts'
import { Key, RequestType } from '../protocol/constants.ts'
import { type Feature, featuresFrom } from '../protocol/features.ts'
import type { OpenTransport } from '../transport/transport.ts'
import { type FakeRequest, readFakeRequest } from './fake-request.ts'
import { FakeSession, type Packet } from './fake-session.ts'
import { FakeWatchers } from './fake-watchers.ts'
import {
  type Awaitable,
  type CallHandler,
  type RequestHandler,
  Script,
  type SpaceHandlers,
  type SqlAnswer,
  sqlBody,
} from './script.ts'
import { serverError } from './server-error.ts'

const OPERATIONS: ReadonlyMap<number, string> = new Map(
  Object.entries(RequestType).map(([name, type]) => [type, name.toLowerCase()]),
)

/** Requests that {@link FakeServer.requests} keeps; the oldest go first. */
const MOST_REQUESTS = 10_000
/** Beyond the number of any feature that the connector knows. */
const FEATURES_END = 64
const PROTOCOL = 10
const VERSION = '3.8.0'
const GREETING_LINE_SIZE = 64

export interface FakeServerOptions {
  /** What the server cannot do, to see what your code does without it. Space names are always understood. */
  readonly without?: readonly Exclude<Feature, 'space-and-index-names'>[] | undefined
}

/**
 * A server for tests of code that uses the connector: no Tarantool, no socket. Its clients are real ones, so
 * what is sent is checked and encoded, limits of time, signals, reconnects and events work; only the answers
 * are scripted. A request without a script is refused with an error that says how to script it.
 *
 * @example
 * const server = new FakeServer()
 * server.onCall('add', (a: number, b: number) => [a + b])
 * server.onSpace('users', { select: ({ key }) => (key[0] === 1 ? [[1, 'Zoë']] : []) })
 * const tnt = await server.connect()
 * await tnt.get('users', 1)      // [1, 'Zoë']
 * server.requests.at(-1)?.space  // 'users'
 */
export class FakeServer {
  readonly #script = new Script()
  readonly #watchers = new FakeWatchers()
  readonly #sessions = new Set<FakeSession>()
  readonly #requests: FakeRequest[] = []
  readonly #features: readonly number[]
  #isUp = true

  constructor({ without = [] }: FakeServerOptions = {}) {
    this.#features = featureNumbers(new Set<Feature>(without))
  }

  /** What was received, in order, the handshake left out; at most the latest 10 000. */
  get requests(): readonly FakeRequest[] {
    return this.#requests
  }

  /** How many connections there are. */
  get sessions(): number {
    return this.#sessions.size
  }

  /** A client of this server; `host`, `port`, `path` and `uri` have no meaning, any user is let in. */
  connect(options: ConnectOptions = {}): Promise<Client> {
    // A lost connection comes back at once.
    const reconnect = { minDelayMs: 1, maxDelayMs: 1 }
    const resolved = resolveOptions({ reconnect, ...options })
    return Client.open(resolved, this.#opener(resolved))
  }

  /** Answers the calls of a function; a later handler takes the place of a former one. */
  onCall(functionName: string, handler: CallHandler): this {
    this.#script.calls.set(functionName, handler)
    return this
  }

  /** Answers the requests to a space, by the name or number that they have it by; adds to former handlers. */
  onSpace(space: string | number, handlers: SpaceHandlers): this {
    this.#script.spaces.set(space, { ...this.#script.spaces.get(space), ...handlers })
    return this
  }

  /** Answers all requests of a type, such as `eval` or `prepare`; before other handlers. */
  onRequest(operation: string, handler: RequestHandler): this {
    this.#script.operations.set(operation, handler)
    return this
  }

  /** Answers SQL: `execute` and the `sql` template. */
  onSql(handler: (text: string, binds: readonly unknown[]) => Awaitable<SqlAnswer>): this {
    return this.onRequest('execute', async ({ text, args }) => sqlBody(await handler(text, args)))
  }

  /** Sets what clients that watch `key` are told, as `box.broadcast` does. */
  broadcast(key: string, value: unknown): void {
    this.#watchers.set(key, value)
  }

  /** Breaks all connections off; clients come back by themselves. */
  disconnect(): void {
    for (const session of this.#sessions) session.end(undefined)
  }

  /** Breaks all connections off and refuses new ones, until `start()`. */
  stop(): void {
    this.#isUp = false
    this.disconnect()
  }

  /** Takes connections again. */
  start(): void {
    this.#isUp = true
  }

  #opener({ extensions }: ResolvedOptions): OpenTransport {
    return (handlers, onStep) => {
      const session = new FakeSession(
        handlers,
        extensions,
        (packet, sender) => void this.#onPacket(packet, sender),
        (ended) => {
          this.#sessions.delete(ended)
          this.#watchers.forget(ended)
        },
      )
      queueMicrotask(() => {
        if (!this.#isUp) {
          session.end(new Error('The fake server is stopped'))
          return
        }
        this.#sessions.add(session)
        onStep('greeting')
        session.deliver(greeting())
      })
      return session
    }
  }

  async #onPacket({ type, sync, stream, body }: Packet, session: FakeSession): Promise<void> {
    const key = String(body.get(Key.EVENT_KEY))
    if (type === RequestType.WATCH) this.#watchers.watch(session, key)
    else if (type === RequestType.UNWATCH) this.#watchers.unwatch(session, key)
    else if (type === RequestType.WATCH_ONCE) session.reply(sync, new Map([[Key.DATA, this.#watchers.values(key)]]))
    else if (type === RequestType.ID) session.reply(sync, this.#identity())
    else if (type === RequestType.AUTH) session.reply(sync, new Map())
    else {
      const request = readFakeRequest(OPERATIONS.get(type) ?? `request_${type}`, stream, body)
      if (this.#requests.push(request) > MOST_REQUESTS) this.#requests.shift()
      await this.#answer(request, sync, session)
    }
  }

  async #answer(request: FakeRequest, sync: number, session: FakeSession): Promise<void> {
    try {
      session.reply(sync, await this.#script.answer(request))
    } catch (error) {
      // What is no ServerError is a fault of the handler, or an answer that has no MessagePack form.
      session.refuse(sync, error instanceof ServerError ? error : serverError('ER_PROC_LUA', String(error)))
    }
  }

  #identity(): ReadonlyMap<number, unknown> {
    return new Map<number, unknown>([
      [Key.VERSION, PROTOCOL],
      [Key.FEATURES, this.#features],
    ])
  }
}

function featureNumbers(without: ReadonlySet<Feature>): readonly number[] {
  const numbers = Array.from({ length: FEATURES_END }, (_, number) => number)
  return numbers.filter((number) => [...featuresFrom([number])].some((feature) => !without.has(feature)))
}

/** See protocol/greeting.ts; the salt is for nobody, for any password will do. */
function greeting(): Buffer {
  const uuid = '00000000-0000-4000-8000-000000000000'
  const version = `Tarantool ${VERSION} (Binary) ${uuid}`.padEnd(GREETING_LINE_SIZE - 1)
  const salt = Buffer.alloc(32)
    .toString('base64')
    .padEnd(GREETING_LINE_SIZE - 1)
  return Buffer.from(`${version}\n${salt}\n`, 'latin1')
}

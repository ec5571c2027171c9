import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import { type Deferred, deferred } from './deferred.ts'
import { FaultyConnection } from './faulty-connection.ts'
import type { Course } from './faulty-pipe.ts'

/** The courses of the two directions; one that is not named is a good line. */
export interface Courses {
  readonly toServer?: Course
  readonly toClient?: Course
}

export interface FaultProxyOptions extends Courses {
  /** The port of 127.0.0.1 that the proxy passes bytes to. */
  readonly serverPort: number
}

/**
 * A TCP proxy on a free port of 127.0.0.1 whose lines break where a test says so.
 *
 * ```ts
 * const proxy = await startFaultProxy({ serverPort: server.port, toClient: { after: 128, fault: 'reset' } })
 * // … a client that connects to proxy.port loses its connection with the last byte of the greeting
 * ```
 *
 * What a running connection is to suffer is said with {@link FaultyConnection.setCourse}.
 */
export interface FaultProxy extends AsyncDisposable {
  readonly port: number
  /** How many clients have connected so far. */
  readonly accepted: number
  /** What connections from now on suffer. */
  setCourses(courses: Courses): void
  /** The connection of the client that came as number `index`, 0 the first; waits for it. */
  connection(index: number): Promise<FaultyConnection>
  /** Resets every connection; the port stays open. */
  resetAll(): void
}

/**
 * Starts a proxy before `serverPort`. Inside a test its end is registered with `onTestFinished`;
 * elsewhere the caller disposes of it.
 */
export async function startFaultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const server = createServer({ allowHalfOpen: true, noDelay: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const proxy = new TcpProxy(server, options)
  try {
    onTestFinished(() => proxy[Symbol.asyncDispose]())
  } catch {
    // Not inside a test: the caller owns the proxy's end.
  }
  return proxy
}

class TcpProxy implements FaultProxy {
  readonly port: number
  readonly #server: Server
  readonly #serverPort: number
  readonly #connections: FaultyConnection[] = []
  readonly #awaited = new Map<number, Deferred<FaultyConnection>>()
  #courses: Courses

  constructor(server: Server, { serverPort, ...courses }: FaultProxyOptions) {
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('Expected the address of a TCP server')
    this.port = address.port
    this.#server = server
    this.#serverPort = serverPort
    this.#courses = courses
    server.on('connection', (client) => this.#accept(client))
  }

  get accepted(): number {
    return this.#connections.length
  }

  setCourses(courses: Courses): void {
    this.#courses = courses
  }

  connection(index: number): Promise<FaultyConnection> {
    const there = this.#connections[index]
    if (there !== undefined) return Promise.resolve(there)
    const awaited = this.#awaited.get(index) ?? deferred<FaultyConnection>()
    this.#awaited.set(index, awaited)
    return awaited.promise
  }

  #accept(client: Socket): void {
    const { toServer = {}, toClient = {} } = this.#courses
    const connection = new FaultyConnection(client, this.#serverPort, toServer, toClient)
    const index = this.#connections.push(connection) - 1
    this.#awaited.get(index)?.resolve(connection)
    this.#awaited.delete(index)
  }

  resetAll(): void {
    for (const connection of this.#connections) connection.reset()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = this.#server.listening ? once(this.#server, 'close') : undefined
    this.#server.close()
    this.resetAll()
    for (const { reject } of this.#awaited.values()) reject(new Error('The proxy was closed before this client came'))
    this.#awaited.clear()
    await Promise.all(this.#connections.map((connection) => connection.closed))
    await closed
  }
}

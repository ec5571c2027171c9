import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { Limiter } from '@tarantella/queue/limits'
import { type ClusterPush, PLATFORMS } from './messages.ts'

/** A gateway that gets nothing new for so long, while pushes are missing, gets nothing more. */
const STALL_MS = 20_000

/** The push services of both platforms, each with its limit: `POST /ios`, `POST /android`; what is above is a 429. */
export class Gateways implements AsyncDisposable {
  readonly #server: Server
  readonly #limiter: Limiter
  /** By the push's id. */
  readonly #pushes = new Map<string, ClusterPush>()
  /** Pushes that have come again. */
  readonly #repeats: ClusterPush[] = []
  #refused = 0
  #arrived = (): void => undefined

  private constructor(rate: number, burst: number) {
    this.#limiter = new Limiter({ zone: { rate }, burst, nodelay: true })
    this.#server = createServer((request, response) => {
      // A sender that is killed in mid-request has sent no push.
      this.#answer(request, response).catch(() => response.destroy())
    })
    this.#server.keepAliveTimeout = 0
  }

  /** @param rate pushes a second, of each platform */
  static async start(rate: number, burst: number): Promise<Gateways> {
    const gateways = new Gateways(rate, burst)
    gateways.#server.listen(0, '127.0.0.1')
    await once(gateways.#server, 'listening')
    return gateways
  }

  get url(): string {
    // A server that listens on TCP has an address object: `listening` has been seen.
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Each once, in the order of their arrival. */
  get pushes(): readonly ClusterPush[] {
    return [...this.#pushes.values()]
  }

  get repeats(): readonly ClusterPush[] {
    return this.#repeats
  }

  get refused(): number {
    return this.#refused
  }

  /** Resolves when so many different pushes are here. @throws if for {@link STALL_MS} no new one comes */
  async count(wanted: number): Promise<void> {
    while (this.#pushes.size < wanted) {
      await new Promise<void>((resolve, reject) => {
        const stalled = setTimeout(() => {
          reject(new Error(`PUSHES ARE LOST: ${this.#pushes.size} of ${wanted} are here, and no more come`))
        }, STALL_MS)
        this.#arrived = () => {
          clearTimeout(stalled)
          resolve()
        }
      })
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // Our own programs send it.
    const push = (await json(request)) as ClusterPush
    response.statusCode = this.#judge(request.url?.slice(1) ?? '', push)
    response.end()
  }

  #judge(platform: string, push: ClusterPush): number {
    if (!PLATFORMS.some((name) => name === platform)) return 404
    if (!this.#limiter.check(platform).granted) {
      this.#refused += 1
      return 429
    }
    if (this.#pushes.has(push.id)) this.#repeats.push(push)
    else this.#pushes.set(push.id, push)
    this.#arrived()
    return 200
  }
}

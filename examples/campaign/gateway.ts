import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Ledger } from './ledger.ts'
import { hash32 } from './random.ts'

/** One request in fifty. */
const REFUSED_SHARE = 0.02
/** A line of the recipients' file and its escapes fit well. */
const MAX_BODY_BYTES = 512 * 1024

/**
 * Whether the gateway answers 503. It depends on the request alone, so every run of the same file refuses the same ones,
 * and a repetition draws anew.
 *
 * @param attempt counted from 1
 */
export function isRefused(id: string, attempt: number): boolean {
  return hash32(`${attempt} ${id}`) < REFUSED_SHARE * 0x1_0000_0000
}

/**
 * A push service as those of the phones' makers: `POST /<platform>` with `{"id": …, …}` answers 200, and 503 to 2 % of
 * the requests. Listens on a free port of 127.0.0.1.
 */
export class Gateway {
  readonly #server: Server
  readonly #ledger: Ledger

  private constructor(ledger: Ledger) {
    this.#ledger = ledger
    this.#server = createServer((request, response) => {
      this.#answer(request, response)
    })
    // An idle connection stays open: closing it would cross a push that is on its way.
    this.#server.keepAliveTimeout = 0
  }

  static async start(ledger: Ledger): Promise<Gateway> {
    const gateway = new Gateway(ledger)
    gateway.#server.listen(0, '127.0.0.1')
    await once(gateway.#server, 'listening')
    return gateway
  }

  /** `http://127.0.0.1:<port>`, to be followed by the platform's name. */
  get url(): string {
    // A server that listens on TCP has an address object: `listening` has been seen.
    const { port } = this.#server.address() as AddressInfo
    return `http://127.0.0.1:${port}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = []
    let bytes = 0
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > MAX_BODY_BYTES) request.destroy()
      else chunks.push(chunk)
    })
    request.on('end', () => {
      const id = request.method === 'POST' ? readId(Buffer.concat(chunks).toString()) : undefined
      response.statusCode = id === undefined ? 400 : this.#judge(id)
      response.end()
    })
    // A sender that hangs up in mid-request has sent no push; it repeats it.
    request.on('error', () => response.destroy())
  }

  #judge(id: string): number {
    const now = Date.now()
    const attempt = this.#ledger.arrive(id, now)
    if (attempt === undefined) return 404
    if (isRefused(id, attempt)) return 503
    this.#ledger.accept(id, now)
    return 200
  }
}

function readId(body: string): string | undefined {
  try {
    const push: unknown = JSON.parse(body)
    if (typeof push !== 'object' || push === null || !('id' in push)) return undefined
    return typeof push.id === 'string' ? push.id : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

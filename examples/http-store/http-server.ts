import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type Intake, QueueDown } from './intake.ts'
import { parseRecord } from './record.ts'

const MAX_BODY_BYTES = 64 * 1024

/**
 * `POST /store` with `{"id": "…", "text": "…"}`: 202 when the record is in a tube, which is when it will be stored whatever
 * happens; 503 if there is none to put it into.
 */
export class HttpServer implements AsyncDisposable {
  readonly #server: Server
  readonly #intake: Intake

  private constructor(intake: Intake) {
    this.#intake = intake
    this.#server = createServer((request, response) => {
      this.#answer(request).then(
        (status) => end(response, status),
        // The client has gone, or what happened is not foreseen here.
        (error: unknown) => end(response, 500, error),
      )
    })
  }

  /** On a port of 127.0.0.1 that was free. */
  static async start(intake: Intake): Promise<HttpServer> {
    const server = new HttpServer(intake)
    server.#server.listen(0, '127.0.0.1')
    await once(server.#server, 'listening')
    return server
  }

  get url(): string {
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('the server does not listen')
    return `http://127.0.0.1:${address.port}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }

  /** @returns the status */
  async #answer(request: IncomingMessage): Promise<number> {
    if (request.url !== '/store') return 404
    if (request.method !== 'POST') return 405
    const body = await bodyOf(request)
    if (body === undefined) return 413
    const record = parseRecord(body)
    if (record === undefined) return 400
    try {
      await this.#intake.put(record)
      return 202
    } catch (error) {
      if (error instanceof QueueDown) return 503
      throw error
    }
  }
}

function end(response: ServerResponse, status: number, error?: unknown): void {
  if (error !== undefined) console.error(error)
  if (status === 503) response.setHeader('retry-after', '1')
  response.writeHead(status).end()
}

/** @returns undefined if it is too long */
async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request) {
    // No encoding is set, so the chunks are buffers.
    chunks.push(chunk as Buffer)
    bytes += chunks.at(-1)?.length ?? 0
    if (bytes > MAX_BODY_BYTES) return undefined
  }
  return Buffer.concat(chunks).toString()
}

import { Agent, request } from 'node:http'
import type { Platform } from './recipients.ts'

/** What travels through the queue. */
export interface Push {
  readonly id: string
  readonly token: string
  readonly title: string
}

/** The gateway did not take the push; the task is to be tried again. */
export class PushRefused extends Error {
  override readonly name = 'PushRefused'
  readonly status: number

  constructor(status: number) {
    super(`the gateway answered ${status}`)
    this.status = status
  }
}

/** A gateway that is silent for so long is given up. */
const ANSWER_TIMEOUT_MS = 10_000

/** Sends pushes of one platform to the gateway over connections that are kept open. */
export class PushService {
  readonly #agent: Agent
  readonly #url: string

  /** @param connections the most that are open at once; more pushes wait for a free one */
  constructor(gatewayUrl: string, platform: Platform, connections: number) {
    this.#url = `${gatewayUrl}/${platform}`
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections, timeout: ANSWER_TIMEOUT_MS })
  }

  /**
   * Resolves when the gateway has taken the push.
   *
   * @throws PushRefused on any answer but 200; the socket's error if there is none; the signal's reason
   */
  async send(push: Push, signal: AbortSignal): Promise<void> {
    const status = await this.#post(JSON.stringify(push), signal)
    if (status !== 200) throw new PushRefused(status)
  }

  close(): void {
    this.#agent.destroy()
  }

  #post(body: string, signal: AbortSignal): Promise<number> {
    return new Promise((resolve, reject) => {
      const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
      const post = request(this.#url, { method: 'POST', agent: this.#agent, headers, signal })
      post.on('response', (response) => {
        response.on('error', reject)
        // The connection is free for the next push only when this answer has been read.
        response.on('end', () => resolve(response.statusCode ?? 0))
        response.resume()
      })
      post.on('timeout', () => post.destroy(new Error(`the gateway is silent for ${ANSWER_TIMEOUT_MS} ms`)))
      post.on('error', (error) => reject(signal.aborted ? signal.reason : error))
      post.end(body)
    })
  }
}

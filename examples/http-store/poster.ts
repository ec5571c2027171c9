import { Agent, request } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import type { PostedRecord } from './record.ts'

const CONNECTIONS = 50
const TICK_MS = 10

/** Posts records, and remembers what became of each. */
export class Poster implements Disposable {
  /** Of the answers. */
  readonly accepted: string[] = []
  readonly refused: string[] = []
  readonly #agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS })
  readonly #url: string

  constructor(url: string) {
    this.#url = `${url}/store`
  }

  /** Posts `count` records, so many a second, whether the answers come or not. Resolves when all are answered. */
  async post(prefix: string, count: number, perSecond: number): Promise<void> {
    const startedAt = performance.now()
    const answers: Promise<void>[] = []
    while (answers.length < count) {
      const due = Math.min(count, Math.ceil(((performance.now() - startedAt) / 1000) * perSecond))
      while (answers.length < due) {
        const id = `${prefix}-${answers.length}`
        answers.push(this.#postOne({ id, text: `the text of ${id}` }))
      }
      await pause(TICK_MS)
    }
    await Promise.all(answers)
  }

  /** @returns the status of one post of any body */
  status(body: string): Promise<number> {
    return new Promise((resolve, reject) => {
      const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
      const post = request(this.#url, { method: 'POST', agent: this.#agent, headers }, (response) => {
        response.on('error', reject)
        response.on('end', () => resolve(response.statusCode ?? 0))
        response.resume()
      })
      post.on('error', reject)
      post.end(body)
    })
  }

  [Symbol.dispose](): void {
    this.#agent.destroy()
  }

  async #postOne(record: PostedRecord): Promise<void> {
    const status = await this.status(JSON.stringify(record))
    if (status === 202) this.accepted.push(record.id)
    else if (status === 503) this.refused.push(record.id)
    else throw new Error(`the answer to a post is ${status}`)
  }
}

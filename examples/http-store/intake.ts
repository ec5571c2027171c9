import { ConnectionError, TarantellaError, TimeoutError } from '@tarantella/connector'
import { Queue } from '@tarantella/queue'
import type { PostedRecord } from './record.ts'

/** A queue server that has not confirmed by then is passed over. */
const PUT_TIMEOUT_MS = 2_000

/** No queue server can be reached. */
export class QueueDown extends Error {
  override readonly name = 'QueueDown'
}

/** Puts records to the first queue server that takes them. */
export class Intake implements AsyncDisposable {
  readonly #queues: readonly Queue[]

  private constructor(queues: readonly Queue[]) {
    this.#queues = queues
  }

  static async connect(uris: readonly string[]): Promise<Intake> {
    // A server that is away answers at once with an error: whoever posts can be told, and there are others.
    const options = { offlineQueue: false, requestTimeoutMs: PUT_TIMEOUT_MS, reconnect: { maxDelayMs: 200 } } as const
    return new Intake(await Promise.all(uris.map((uri) => Queue.connect({ uri, ...options }))))
  }

  /**
   * Resolves when the record is in a tube.
   *
   * @throws QueueDown if no server has taken it
   */
  async put(record: PostedRecord): Promise<void> {
    const causes: unknown[] = []
    for (const queue of this.#queues) {
      try {
        await queue.tube<PostedRecord>('records').put(record)
        return
      } catch (error) {
        if (!isAway(error)) throw error
        // One whose confirmation was lost may be in two tubes now; the database keeps one of each id.
        causes.push(error)
      }
    }
    throw new QueueDown('no queue server can be reached', { cause: new AggregateError(causes) })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#queues.map((queue) => queue.close({ graceMs: 0 })))
  }
}

function isAway(error: unknown): boolean {
  if (error instanceof ConnectionError || error instanceof TimeoutError) return true
  return error instanceof TarantellaError && error.retryable
}

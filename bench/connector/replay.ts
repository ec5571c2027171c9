import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { OPERATIONS, type Operation } from './operations.ts'
import { type Recording, record } from './recording.ts'
import { ReplyFramer } from './reply-framer.ts'
import type { Subject } from './subject.ts'

const GREETING_SIZE = 128

/**
 * The limit of server and wire: requests that were encoded ahead. Each reply is framed, its sync matched to the
 * request that it is for, and answered with the next request; those of one read leave in one write. Nothing is
 * encoded or decoded, and there are no promises. As a guest, for it needs no session of its own.
 */
export async function openReplay(port: number): Promise<Subject> {
  const replay = new Replay(port)
  await replay.greeted
  return replay
}

class Replay implements Subject {
  readonly name = 'replay'
  readonly greeted: Promise<void>
  readonly #socket: Socket
  readonly #framer = new ReplyFramer()
  readonly #recordings: ReadonlyMap<Operation, Recording>
  /** The requests under way, by sync. */
  readonly #waiting = new Set<number>()
  #lastType = 0
  #onBytes: (size: number) => void = () => undefined

  constructor(port: number) {
    this.#recordings = new Map(OPERATIONS.map((operation) => [operation, record(operation)]))
    const onread = {
      buffer: (): Buffer => this.#framer.space(),
      callback: (size: number): boolean => {
        this.#onBytes(size)
        return true
      },
    }
    this.#socket = connect({ host: '127.0.0.1', port, noDelay: true, onread })
    this.greeted = new Promise((resolve, reject) => {
      this.#socket.once('error', reject)
      let left = GREETING_SIZE
      this.#onBytes = (size) => {
        left -= size
        if (left <= 0) resolve()
      }
    })
  }

  async verify(): Promise<void> {
    for (const operation of OPERATIONS) {
      await this.run(operation, 1, 1)
      if (this.#lastType !== 0) throw new Error(`The replayed ${operation} failed: 0x${this.#lastType.toString(16)}`)
    }
  }

  run(operation: Operation, inFlight: number, requests: number): Promise<void> {
    const recording = this.#recordings.get(operation)
    if (recording === undefined) throw new Error(`Nothing is recorded for ${operation}`)
    return new Promise((resolve, reject) => {
      let sent = 0
      const send = (count: number): void => {
        const upTo = Math.min(requests, sent + count)
        while (sent < upTo) sent += this.#write(recording, sent, upTo - sent)
      }
      this.#socket.once('close', reject)
      this.#onBytes = (size) => {
        const before = this.#waiting.size
        this.#framer.filled(size, (sync, type) => this.#onReply(sync, type))
        send(before - this.#waiting.size)
        if (this.#waiting.size > 0) return
        this.#socket.removeListener('close', reject)
        resolve()
      }
      send(inFlight)
    })
  }

  #onReply(sync: number, type: number): void {
    this.#lastType = type
    if (!this.#waiting.delete(sync)) throw new Error(`Nothing waits for the reply ${sync}`)
  }

  /** Sends requests from number `from` on, no further than to the recording's end; returns how many. */
  #write({ bytes, offsets }: Recording, from: number, count: number): number {
    const first = from % (offsets.length - 1)
    const end = Math.min(first + count, offsets.length - 1)
    // Each was recorded with its place as its sync.
    for (let sync = first; sync < end; sync += 1) this.#waiting.add(sync)
    this.#socket.write(bytes.subarray(offsets[first], offsets[end]))
    return end - first
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#socket, 'close')
    this.#socket.destroy()
    await closed
  }
}

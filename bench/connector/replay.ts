import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { FrameCounter } from './frame-counter.ts'
import { OPERATIONS, type Operation } from './operations.ts'
import { type Recording, record } from './recording.ts'
import type { Subject } from './subject.ts'

const GREETING_SIZE = 128
const RECEIVE_BYTES = 64 * 1024

/**
 * The limit of server and wire: requests that were encoded ahead, sent in one write for all replies that came
 * together, which are counted and not looked at. As a guest, for it needs no session of its own.
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
  readonly #counter = new FrameCounter()
  readonly #recordings: ReadonlyMap<Operation, Recording>
  #onBytes: (buffer: Buffer, size: number) => void = () => undefined

  constructor(port: number) {
    this.#recordings = new Map(OPERATIONS.map((operation) => [operation, record(operation)]))
    // One buffer for all that comes, as a fast client would have it.
    const onread = {
      buffer: Buffer.alloc(RECEIVE_BYTES),
      callback: (size: number, buffer: Uint8Array): boolean => {
        this.#onBytes(buffer as Buffer, size)
        return true
      },
    }
    this.#socket = connect({ host: '127.0.0.1', port, noDelay: true, onread })
    this.greeted = new Promise((resolve, reject) => {
      this.#socket.once('error', reject)
      let left = GREETING_SIZE
      this.#onBytes = (_, size) => {
        left -= size
        if (left <= 0) resolve()
      }
    })
  }

  async verify(): Promise<void> {
    for (const operation of OPERATIONS) {
      await this.run(operation, 1, 1)
      const { lastType } = this.#counter
      if (lastType !== 0) throw new Error(`The replayed ${operation} failed with type 0x${lastType.toString(16)}`)
    }
  }

  run(operation: Operation, inFlight: number, requests: number): Promise<void> {
    const recording = this.#recordings.get(operation)
    if (recording === undefined) throw new Error(`Nothing is recorded for ${operation}`)
    return new Promise((resolve, reject) => {
      let sent = 0
      let answered = 0
      const send = (count: number): void => {
        const upTo = Math.min(requests, sent + count)
        while (sent < upTo) sent += this.#write(recording, sent, upTo - sent)
      }
      this.#socket.once('close', reject)
      this.#onBytes = (buffer, size) => {
        const replies = this.#counter.count(buffer, size)
        answered += replies
        if (answered < requests) return send(replies)
        this.#socket.removeListener('close', reject)
        resolve()
      }
      send(inFlight)
    })
  }

  /** Sends requests from number `from` on, no further than to the recording's end; returns how many. */
  #write({ bytes, offsets }: Recording, from: number, count: number): number {
    const first = from % (offsets.length - 1)
    const end = Math.min(first + count, offsets.length - 1)
    this.#socket.write(bytes.subarray(offsets[first], offsets[end]))
    return end - first
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#socket, 'close')
    this.#socket.destroy()
    await closed
  }
}

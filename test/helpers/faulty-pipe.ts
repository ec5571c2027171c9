import type { Socket } from 'node:net'
import { setImmediate, setTimeout } from 'node:timers/promises'
import { ByteCounter } from './byte-counter.ts'
import { deferred } from './deferred.ts'
import { FrameReverser } from './frame-reverser.ts'

/**
 * What goes wrong:
 * - `reset`: RST to both sides
 * - `end`: FIN to both sides
 * - `halfClose`: FIN in this direction, the other goes on; what the sender still sends is thrown away
 * - `stall`: nothing more passes until the course is changed; what has come waits
 * - `discard`: what comes is thrown away, and both sides see a good line
 */
export type Fault = 'reset' | 'end' | 'halfClose' | 'stall' | 'discard'

/** What one direction of a connection does to the bytes. */
export interface Course {
  /** @default none */
  readonly fault?: Fault
  /**
   * How many bytes, counted from the connection's begin, pass before the fault, the delay or the other order;
   * a fault strikes with the last one. @default 0
   */
  readonly after?: number
  /** Bytes leave in pieces of at most this size, each in its own turn of the event loop. @default as they come */
  readonly pieceBytes?: number
  /** How long each piece is held back, in milliseconds. @default 0 */
  readonly delayMs?: number
  /** So many frames of IPROTO are held until all are there, and leave with the last one first; begins with a frame. @default as they come */
  readonly reverseFrames?: number
}

/** What a pipe may do to the connection that it belongs to. */
interface Cut {
  reset(): void
  end(): void
}

/** Carries the bytes of one direction, one piece at a time, on the course that it was given. */
export class FaultyPipe {
  readonly arrived: ByteCounter = new ByteCounter()
  readonly passed: ByteCounter = new ByteCounter()
  readonly #source: Socket
  readonly #target: Socket
  readonly #cut: Cut
  readonly #closing = new AbortController()
  #course: Course
  #reverser: FrameReverser | undefined
  /** Resolved and replaced when a stalled pipe may look at its course again. */
  #changed = deferred()

  constructor(source: Socket, target: Socket, cut: Cut, course: Course) {
    this.#source = source
    this.#target = target
    this.#cut = cut
    this.#course = course
    void this.#run()
  }

  setCourse(course: Course): void {
    this.#course = course
    this.#strike()
    this.#changed.resolve()
    this.#changed = deferred()
  }

  /** To be called when both sockets are closed. */
  close(): void {
    this.#closing.abort()
    this.#changed.resolve()
    this.arrived.close()
    this.passed.close()
  }

  async #run(): Promise<void> {
    // A fault that is due at once strikes a connection whose other pipe is there.
    await Promise.resolve()
    this.#strike()
    try {
      // Reads no further than it can pass on; the socket itself stays open for the other direction.
      for await (const chunk of this.#source.iterator({ destroyOnReturn: false })) await this.#carry(chunk as Buffer)
      await this.#whileStalled()
      this.#target.end()
    } catch {
      // One of the sockets is gone, which both ends have learned from it.
      this.#cut.reset()
    }
  }

  async #carry(chunk: Buffer): Promise<void> {
    const before = this.arrived.count
    this.arrived.add(chunk.length)
    for (let rest = this.#inOrder(chunk, before); rest.length > 0; ) {
      await this.#whileStalled()
      if (this.#isDue() && this.#course.fault !== undefined) return
      const piece = rest.subarray(0, this.#pieceSize())
      await this.#send(piece)
      rest = rest.subarray(piece.length)
    }
  }

  /** `before`: how many bytes have come before the chunk. */
  #inOrder(chunk: Buffer, before: number): Buffer {
    const { reverseFrames, after = 0 } = this.#course
    const first = Math.max(after - before, 0)
    if (reverseFrames === undefined || chunk.length <= first) return chunk
    this.#reverser ??= new FrameReverser(reverseFrames)
    return Buffer.concat([chunk.subarray(0, first), this.#reverser.push(chunk.subarray(first))])
  }

  #pieceSize(): number {
    const { after = 0, pieceBytes = Number.POSITIVE_INFINITY } = this.#course
    return this.#isDue() ? pieceBytes : Math.min(pieceBytes, after - this.passed.count)
  }

  async #send(piece: Buffer): Promise<void> {
    const { pieceBytes, delayMs = 0 } = this.#course
    if (delayMs > 0 && this.#isDue()) await setTimeout(delayMs, undefined, { signal: this.#closing.signal })
    // So that the receiver, if it is in this process, sees the pieces apart.
    if (pieceBytes !== undefined) await untilPolled()
    await new Promise<void>((resolve, reject) => {
      this.#target.write(piece, (error) => (error ? reject(error) : resolve()))
    })
    this.passed.add(piece.length)
    // A reset that comes together with bytes looks like an end to Node: let the receiver poll for the bytes first.
    if (this.#course.fault === 'reset' && this.#isDue()) await untilPolled()
    this.#strike()
  }

  async #whileStalled(): Promise<void> {
    while (this.#course.fault === 'stall' && this.#isDue()) {
      await this.#changed.promise
      this.#closing.signal.throwIfAborted()
    }
  }

  #isDue(): boolean {
    return this.passed.count >= (this.#course.after ?? 0)
  }

  /** Does at once what need not wait for the next bytes. */
  #strike(): void {
    if (!this.#isDue()) return
    if (this.#course.fault === 'reset') this.#cut.reset()
    else if (this.#course.fault === 'end') this.#cut.end()
    else if (this.#course.fault === 'halfClose') this.#target.end()
  }
}

/** Resolves when the event loop has polled every socket once more. */
async function untilPolled(): Promise<void> {
  // The first may still be in the turn whose poll is over.
  await setImmediate()
  await setImmediate()
}

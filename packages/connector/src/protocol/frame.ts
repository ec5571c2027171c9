import { ProtocolError } from '../errors.ts'

/*
 * Frame = size body
 *   size = MP_UINT, the number of bytes of the body; servers always write ce and four bytes
 *   body = header map, body map
 */

const CAPACITY = 128 * 1024
/**
 * Of small frames one read takes no more than this, so that the answers to the first of many replies are on their way
 * while the next ones are read, and the server has work meanwhile (500 replaces in flight: 1.3 times as many).
 */
const SLICE = 8 * 1024
/** Less room than this behind the last byte, and what is left moves to the front. */
const LEAST_SPACE = 16 * 1024

/**
 * Bytes in, whole frames out. The bytes are read straight into its memory: ask for `space()`, fill it from
 * the front, tell `filled(n)`, and call `next()` until it says false.
 *
 * ```
 * buffer: | done | frame         | next frames, the last one perhaps cut | space |
 *         0      frameStart      frameEnd = start                        end
 * ```
 *
 * A frame's bytes stay in place until the next call of `space()`, no longer.
 */
export class FrameReader {
  buffer: Buffer = Buffer.allocUnsafeSlow(CAPACITY)
  frameStart = 0
  frameEnd = 0
  #start = 0
  #end = 0
  readonly #maxFrameBytes: number

  constructor(maxFrameBytes: number) {
    this.#maxFrameBytes = maxFrameBytes
  }

  /** Where the next bytes have to go; never empty. */
  space(): Buffer {
    const isBetween = this.#start === this.#end
    if (isBetween) this.#rewind()
    else this.#makeRoom()
    const frameEnd = isBetween ? 0 : this.#start + this.#cutFrameSize()
    return this.buffer.subarray(this.#end, Math.max(this.#end + SLICE, frameEnd))
  }

  /** Says that `size` bytes of the last `space()` have been filled. */
  filled(size: number): void {
    this.#end += size
  }

  /** Copies a chunk in, for a source that brings its own memory. Call it with every frame of the former one taken. */
  push(chunk: Uint8Array, onFrame: () => void): void {
    for (let at = 0; at < chunk.length; ) {
      const space = this.space()
      const part = chunk.subarray(at, at + space.length)
      space.set(part)
      this.filled(part.length)
      at += part.length
      while (this.next()) onFrame()
    }
  }

  /** What is there but not yet taken; for the greeting, which is no frame. */
  peek(): Buffer {
    return this.buffer.subarray(this.#start, this.#end)
  }

  /** Takes `size` bytes that are no frame. */
  drop(size: number): void {
    this.#start += size
  }

  /**
   * Finds the next whole frame: its body is from `frameStart` to `frameEnd` of `buffer`.
   * Throws a ProtocolError where no frame can begin; the connection is of no use then.
   */
  next(): boolean {
    if (this.#start >= this.#end) return false
    const prefix = this.#prefixSize()
    if (this.#start + prefix > this.#end) return false
    const size = this.#bodySize(prefix)
    const bodyStart = this.#start + prefix
    if (bodyStart + size > this.#end) return false
    this.frameStart = bodyStart
    this.frameEnd = bodyStart + size
    this.#start = this.frameEnd
    return true
  }

  #prefixSize(): number {
    const byte = this.buffer.readUInt8(this.#start)
    if (byte < 0x80) return 1
    if (byte >= 0xcc && byte <= 0xcf) return 1 + (1 << (byte - 0xcc))
    throw new ProtocolError(
      'PROTOCOL_ERROR',
      `A reply cannot begin with the byte 0x${byte.toString(16)}: expected its length as an unsigned integer`,
      { retryable: false, sent: true },
    )
  }

  #bodySize(prefix: number): number {
    const size = this.#declaredSize(prefix)
    if (size <= this.#maxFrameBytes) return size
    throw new ProtocolError(
      'FRAME_TOO_LARGE',
      `A reply of ${size} bytes is above \`maxFrameBytes\` (${this.#maxFrameBytes})`,
      { retryable: false, sent: true },
    )
  }

  #declaredSize(prefix: number): number {
    const { buffer } = this
    const at = this.#start
    if (prefix === 5) return buffer.readUInt32BE(at + 1)
    if (prefix === 1) return buffer.readUInt8(at)
    if (prefix === 2) return buffer.readUInt8(at + 1)
    if (prefix === 3) return buffer.readUInt16BE(at + 1)
    return Number(buffer.readBigUInt64BE(at + 1))
  }

  #rewind(): void {
    // The memory of one large reply is not kept for ever.
    if (this.buffer.length > CAPACITY) this.buffer = Buffer.allocUnsafeSlow(CAPACITY)
    this.#start = 0
    this.#end = 0
  }

  /** Makes room for the rest of the frame that is cut at the end: exactly its size if it is large, so that it is copied once. */
  #makeRoom(): void {
    const pending = this.#end - this.#start
    const whole = this.#cutFrameSize()
    if (whole > CAPACITY) {
      if (this.buffer.length - this.#start < whole) this.#moveTo(Buffer.allocUnsafeSlow(whole), pending)
    } else if (this.buffer.length > CAPACITY) {
      this.#moveTo(Buffer.allocUnsafeSlow(CAPACITY), pending)
    } else if (this.buffer.length - this.#end < LEAST_SPACE || this.#start + whole > this.buffer.length) {
      this.buffer.copyWithin(0, this.#start, this.#end)
      this.#start = 0
      this.#end = pending
    }
  }

  #moveTo(buffer: Buffer, pending: number): void {
    this.buffer.copy(buffer, 0, this.#start, this.#end)
    this.buffer = buffer
    this.#start = 0
    this.#end = pending
  }

  /** Size of the frame at the start, length prefix included; just over what is there if the prefix itself is cut. */
  #cutFrameSize(): number {
    const prefix = this.#prefixSize()
    const pending = this.#end - this.#start
    return pending < prefix ? prefix : prefix + this.#bodySize(prefix)
  }
}

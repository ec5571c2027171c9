import { UsageError } from '../errors.ts'
import { type ExtensionTable, NO_EXTENSIONS } from './ext/extension.ts'

/** Above this, growth is by half instead of by doubling, so that a large request does not hold twice its size. */
const DOUBLING_LIMIT = 8 * 1024 * 1024

/**
 * A growing run of bytes. Encoders write at `length` after `reserve`, straight into `buffer`;
 * whoever fails half-way sets `length` back to where it began, which takes back every byte.
 *
 * ```
 * buffer: | written          | free            |
 *         0                  length            buffer.length
 * ```
 */
export class Writer {
  buffer: Buffer
  view: DataView
  length = 0
  /** `buffer.length`, which costs more to ask for. */
  capacity: number
  /** Growth beyond this many bytes is refused, so that no value can make the encoder run away. */
  limit: number = Number.POSITIVE_INFINITY
  /** The user's own extension types. */
  readonly extensions: ExtensionTable

  constructor(capacity: number, extensions: ExtensionTable = NO_EXTENSIONS) {
    this.extensions = extensions
    this.capacity = capacity
    this.buffer = Buffer.allocUnsafeSlow(capacity)
    this.view = viewOf(this.buffer)
  }

  /** Makes room for `size` more bytes. `buffer` and `view` may be other objects afterwards. */
  reserve(size: number): void {
    if (this.length + size > this.capacity) this.#grow(this.length + size)
  }

  /** Hands the memory over and goes on with another one; `length` begins at 0 again. */
  replaceBuffer(buffer: Buffer): void {
    this.buffer = buffer
    this.capacity = buffer.length
    this.view = viewOf(buffer)
    this.length = 0
  }

  byte(value: number): void {
    this.reserve(1)
    this.buffer[this.length++] = value
  }

  /** Copies bytes as they are. */
  bytes(bytes: Uint8Array): void {
    this.reserve(bytes.length)
    this.buffer.set(bytes, this.length)
    this.length += bytes.length
  }

  #grow(needed: number): void {
    if (needed > this.limit) throw new UsageError('REQUEST_TOO_LARGE', 'The request is above `maxFrameBytes`')
    const size = this.capacity
    const next = size < DOUBLING_LIMIT ? size * 2 : size + (size >> 1)
    const grown = Buffer.allocUnsafeSlow(Math.max(next, needed))
    this.buffer.copy(grown, 0, 0, this.length)
    this.buffer = grown
    this.capacity = grown.length
    this.view = viewOf(grown)
  }
}

function viewOf(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength)
}

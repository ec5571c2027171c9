import { type ExtensionTable, NO_EXTENSIONS } from '../msgpack/ext/extension.ts'
import { Writer } from '../msgpack/writer.ts'

const CAPACITY = 64 * 1024
/** More than this is written at once rather than at the end of the turn: the server can begin, and memory stays small. */
const FLUSH_AT = 64 * 1024
/** Memory that a burst has grown beyond this is given back. */
const KEEP_AT_MOST = 1024 * 1024

/**
 * Requests are encoded straight into one buffer, which goes to the socket once per turn of the event loop.
 *
 * "Once per turn" is `process.nextTick`: it runs after the microtasks of the turn, so it takes in every request
 * that a continuation makes of a reply that has just arrived, and a lone request waits for nothing. (setImmediate
 * and a microtask measured the same within the noise at 1, 40 and 500 in flight; but the one would wait for other
 * sockets' events, and the other would split a turn whose continuations are more than one promise deep.)
 */
export class WriteBuffer {
  readonly writer: Writer
  /** Bytes given to the socket so far. */
  handed = 0
  /** How often the socket was written to. */
  writes = 0
  readonly #write: (bytes: Buffer) => boolean
  readonly #flushScheduled: () => void
  #scheduled = false
  #blocked = false
  #closed = false
  /** Memory that the socket still reads from. */
  #lent: Buffer | undefined
  #spare: Buffer | undefined

  /** `write` returns whether the memory is free again; if not, {@link drained} must tell. */
  constructor(write: (bytes: Buffer) => boolean, extensions: ExtensionTable = NO_EXTENSIONS) {
    this.writer = new Writer(CAPACITY, extensions)
    this.#write = write
    this.#flushScheduled = () => {
      this.#scheduled = false
      this.#flush()
    }
  }

  /** Where the next byte will stand in all that is written. */
  get position(): number {
    return this.handed + this.writer.length
  }

  /** To be called when a request is complete in `writer`. */
  added(): void {
    if (this.#blocked) return
    if (this.writer.length >= FLUSH_AT) this.#flush()
    else if (!this.#scheduled) {
      this.#scheduled = true
      process.nextTick(this.#flushScheduled)
    }
  }

  /** The socket has taken all it was given. */
  drained(): void {
    this.#blocked = false
    this.#spare = this.#lent
    this.#lent = undefined
    this.#flush()
  }

  /** From here on nothing is written; what was not, was never sent. */
  close(): void {
    this.#closed = true
    this.writer.length = 0
  }

  #flush(): void {
    const { writer } = this
    if (writer.length === 0 || this.#blocked || this.#closed) return
    const { buffer, length } = writer
    this.handed += length
    this.writes++
    if (this.#write(buffer.subarray(0, length))) {
      writer.length = 0
      if (buffer.length > KEEP_AT_MOST) writer.replaceBuffer(Buffer.allocUnsafeSlow(CAPACITY))
      return
    }
    this.#blocked = true
    this.#lent = buffer.length > KEEP_AT_MOST ? undefined : buffer
    writer.replaceBuffer(this.#spare ?? Buffer.allocUnsafeSlow(CAPACITY))
    this.#spare = undefined
  }
}

import { ProtocolError } from '../errors.ts'
import { byteAt } from './byte-at.ts'
import { type ExtensionTable, NO_EXTENSIONS } from './ext/extension.ts'
import { KeyCache } from './key-cache.ts'
import { TextWindow } from './text-window.ts'
import { WideText } from './wide-text.ts'

const EMPTY = Buffer.alloc(0)

/** What becomes of integers that a double may not hold; see `ConnectOptions.int64`. */
export type Int64Form = 'safe' | 'bigint' | 'number' | 'string'

/** What becomes of the tuples of a connection's replies; see `TupleRows`. */
export interface RowReader {
  read(reader: Reader, depth: number, readNested: (reader: Reader, depth: number) => unknown): object
  asObjects(formats: Buffer, parse: (bytes: Buffer) => unknown): void
  asArrays(): void
}

/**
 * A window on bytes that another owns: `position` moves from its start to `end` and never past it,
 * whatever the bytes say. One reader serves a connection for life, so that nothing is allocated per reply.
 */
export class Reader {
  buffer: Buffer = EMPTY
  position = 0
  end = 0
  readonly window: TextWindow = new TextWindow()
  /** The user's own extension types. */
  readonly extensions: ExtensionTable
  int64: Int64Form
  /** Undefined: a tuple that says its format becomes a `Tuple`. */
  rows: RowReader | undefined = undefined
  #view: DataView | undefined = undefined
  #keys: KeyCache | undefined = undefined
  #wide: WideText | undefined = undefined

  constructor(extensions: ExtensionTable = NO_EXTENSIONS, int64: Int64Form = 'safe') {
    this.extensions = extensions
    this.int64 = int64
  }

  /** Over all of `buffer`. Made when it is asked for: it costs as much to make as ten integers to read. */
  get view(): DataView {
    if (this.#view === undefined) {
      const { buffer, byteOffset, byteLength } = this.buffer
      this.#view = new DataView(buffer, byteOffset, byteLength)
    }
    return this.#view
  }

  get keys(): KeyCache {
    this.#keys ??= new KeyCache()
    return this.#keys
  }

  get wide(): WideText {
    this.#wide ??= new WideText()
    return this.#wide
  }

  /** Looks at `buffer` from `start` up to `end`. */
  load(buffer: Buffer, start: number, end: number): void {
    if (buffer !== this.buffer) {
      this.buffer = buffer
      this.#view = undefined
    }
    this.position = start
    this.end = end
    this.window.reset()
  }

  /** Lets go of the buffer and of what was made of it. */
  unload(): void {
    this.load(EMPTY, 0, 0)
    this.window.clear()
  }

  /** Steps over `size` bytes and says where they begin. */
  take(size: number): number {
    const at = this.position
    if (at + size > this.end) throw truncated()
    this.position = at + size
    return at
  }

  u8(): number {
    return byteAt(this.buffer, this.take(1))
  }

  u16(): number {
    const at = this.take(2)
    const { buffer } = this
    return (byteAt(buffer, at) << 8) | byteAt(buffer, at + 1)
  }

  u32(): number {
    return this.i32() >>> 0
  }

  i32(): number {
    const at = this.take(4)
    const { buffer } = this
    const upper = (byteAt(buffer, at) << 24) | (byteAt(buffer, at + 1) << 16)
    return upper | (byteAt(buffer, at + 2) << 8) | byteAt(buffer, at + 3)
  }

  /** A number of elements that follow; each needs a byte at least, so a false number is found before memory is spent on it. */
  count(size: number): number {
    if (size > this.end - this.position) throw truncated()
    return size
  }

  /** The bytes from `position` on, copied: the window's memory is used again for the next reply. */
  copy(size: number): Buffer {
    const at = this.take(size)
    return Buffer.from(this.buffer.subarray(at, at + size))
  }

  /** The number of pairs of the map that begins here. */
  mapSize(): number {
    const byte = this.u8()
    if (byte >= 0x80 && byte <= 0x8f) return this.count(byte & 0x0f)
    if (byte === 0xde) return this.count(this.u16())
    if (byte === 0xdf) return this.count(this.u32())
    throw unexpected('a map', byte)
  }

  /** The number of elements of the array that begins here. */
  arraySize(): number {
    const byte = this.u8()
    if (byte >= 0x90 && byte <= 0x9f) return this.count(byte & 0x0f)
    if (byte === 0xdc) return this.count(this.u16())
    if (byte === 0xdd) return this.count(this.u32())
    throw unexpected('an array', byte)
  }

  isArray(): boolean {
    if (this.position >= this.end) return false
    const byte = byteAt(this.buffer, this.position)
    return (byte >= 0x90 && byte <= 0x9f) || byte === 0xdc || byte === 0xdd
  }

  /** An unsigned integer; past 2^53 it is rounded, which only a `sync` that is not ours can be. */
  uint(): number {
    const byte = this.u8()
    if (byte < 0x80) return byte
    if (byte === 0xcc) return this.u8()
    if (byte === 0xcd) return this.u16()
    if (byte === 0xce) return this.u32()
    if (byte === 0xcf) return this.u32() * 0x1_0000_0000 + this.u32()
    throw unexpected('an unsigned integer', byte)
  }

  /** Steps over one value without decoding it, however deep it nests. */
  skip(): void {
    for (let left = 1; left > 0; left--) left += this.#skipOne()
  }

  /** Steps over one scalar or one container's header; returns how many values the container holds. */
  #skipOne(): number {
    const byte = this.u8()
    if (byte < 0x80 || byte >= 0xe0) return 0
    if (byte < 0x90) return this.count((byte & 0x0f) * 2)
    if (byte < 0xa0) return this.count(byte & 0x0f)
    if (byte < 0xc0) {
      this.take(byte & 0x1f)
      return 0
    }
    switch (byte) {
      case 0xc0:
      case 0xc2:
      case 0xc3:
        return 0
      case 0xdc:
        return this.count(this.u16())
      case 0xdd:
        return this.count(this.u32())
      case 0xde:
        return this.count(this.u16() * 2)
      case 0xdf:
        return this.count(this.u32() * 2)
      case 0xc1:
        throw reserved()
      default:
        this.take(this.#scalarSize(byte))
        return 0
    }
  }

  #scalarSize(byte: number): number {
    // 0xca to 0xd3: float32, float64, then uint and int of 1, 2, 4 and 8 bytes.
    if (byte === 0xca) return 4
    if (byte === 0xcb) return 8
    if (byte >= 0xcc && byte <= 0xd3) return 1 << ((byte - 0xcc) & 3)
    // fixext 1, 2, 4, 8, 16: a type byte and the data.
    if (byte >= 0xd4 && byte <= 0xd8) return 1 + (1 << (byte - 0xd4))
    // bin, ext and str with a length of 1, 2 or 4 bytes; ext has a type byte more.
    if (byte === 0xc4 || byte === 0xd9) return this.u8()
    if (byte === 0xc5 || byte === 0xda) return this.u16()
    if (byte === 0xc6 || byte === 0xdb) return this.u32()
    if (byte === 0xc7) return this.u8() + 1
    if (byte === 0xc8) return this.u16() + 1
    return this.u32() + 1
  }
}

export function truncated(): ProtocolError {
  return malformed('the bytes end in the middle of a value')
}

export function reserved(): ProtocolError {
  return malformed('the byte 0xc1 begins no value')
}

export function malformed(what: string): ProtocolError {
  return new ProtocolError('DECODE_FAILED', `This is not MessagePack: ${what}`, { retryable: false, sent: false })
}

function unexpected(what: string, byte: number): ProtocolError {
  return malformed(`expected ${what}, got the byte 0x${byte.toString(16).padStart(2, '0')}`)
}

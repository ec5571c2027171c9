import { UsageError } from '../errors.ts'
import type { ExtensionTable } from './ext/extension.ts'
import { writeExtHeader } from './ext/header.ts'
import { writeExtension } from './ext/registry.ts'
import { writeLongText } from './long-text.ts'
import { MAX_NESTING } from './nesting.ts'
import { writeDouble, writeFloat32, writeInteger, writeNumber } from './numbers.ts'
import { OWN_BYTES, RawField, RawMsgpack } from './raw.ts'
import { findUnencodable, hasNoForm } from './unencodable.ts'
import { Double, Ext, Float32 } from './values.ts'
import { Writer } from './writer.ts'

/** Up to here, the longest str with a header of one byte, a loop over the characters beats a call of the runtime. */
const SHORT_TEXT = 31

const MIN_SAFE = BigInt(Number.MIN_SAFE_INTEGER)
const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER)
const MIN_INT64 = -(2n ** 63n)
const MAX_UINT64 = 2n ** 64n - 1n

/** Characters of a path that an error shows: one of a cycle has hundreds of steps. */
const LONGEST_PATH = 120

/** Thrown inside the codec only: {@link encodeInto} turns it into a UsageError that names the place. */
class NoForm extends Error {}

/**
 * Writes a value as MessagePack. If it has no MessagePack form, every byte of it is taken back and
 * a `UsageError` with code `ENCODE_FAILED` names the path to what was wrong, beginning with `name`.
 *
 * | JavaScript | MessagePack |
 * |---|---|
 * | null, undefined | nil |
 * | whole number within ±(2^53 - 1), not -0 | int or uint, the shortest |
 * | other number, `double(n)` | float64 |
 * | `float32(n)` | float32 |
 * | bigint from -2^63 to 2^64 - 1 | int or uint, the shortest |
 * | string | str; a lone surrogate becomes U+FFFD |
 * | Buffer, typed array, DataView | bin |
 * | Array; a hole is nil | array |
 * | Map | map |
 * | other object | map of its own enumerable string keys, as `Object.keys` gives them |
 * | Decimal, Uuid, DateTime, Interval, ErrorValue; instances of a class that the user has defined | ext |
 * | Tuple | array |
 * | Ext, RawMsgpack, RawField | as it is |
 * | function, symbol, Date, Promise, Set, RegExp, Error, ArrayBuffer, weak collections | error |
 */
export function encodeInto(writer: Writer, value: unknown, name = 'value'): void {
  const start = writer.length
  try {
    writeValue(writer, value, 0)
  } catch (cause) {
    writer.length = start
    throw encodeFailed(value, name, writer.extensions, cause)
  }
}

function encodeFailed(value: unknown, name: string, extensions: ExtensionTable, cause: unknown): UsageError {
  if (cause instanceof UsageError) return cause
  if (!(cause instanceof NoForm)) {
    return new UsageError('ENCODE_FAILED', `Cannot encode \`${name}\`: reading it threw an error`, cause)
  }
  const { path, reason } = findUnencodable(value, name, extensions) ?? {
    path: name,
    reason: 'it has no MessagePack form',
  }
  const place = path.length > LONGEST_PATH ? `${path.slice(0, LONGEST_PATH)}…` : path
  return new UsageError('ENCODE_FAILED', `Cannot encode \`${place}\`: ${reason}`)
}

function writeValue(writer: Writer, value: unknown, depth: number): void {
  switch (typeof value) {
    case 'number':
      writeNumber(writer, value)
      break
    case 'string':
      writeText(writer, value)
      break
    case 'boolean':
      writer.byte(value ? 0xc3 : 0xc2)
      break
    case 'undefined':
      writer.byte(0xc0)
      break
    case 'bigint':
      writeBigint(writer, value)
      break
    case 'object':
      if (value === null) writer.byte(0xc0)
      else writeObject(writer, value, depth)
      break
    default:
      throw new NoForm()
  }
}

function writeObject(writer: Writer, value: object, depth: number): void {
  if (depth >= MAX_NESTING) throw new NoForm()
  // Most objects are plain; one look at the prototype spares them the chain below.
  if (Object.getPrototypeOf(value) === Object.prototype) writeRecord(writer, value, depth)
  else if (Array.isArray(value)) writeArray(writer, value, depth)
  else if (ArrayBuffer.isView(value)) writeBin(writer, value)
  else if (value instanceof RawMsgpack || value instanceof RawField) writer.bytes(value.bytes)
  else if (value instanceof Map) writeMap(writer, value, depth)
  else if (value instanceof Double) writeDouble(writer, value.value)
  else if (value instanceof Float32) writeFloat32(writer, value.value)
  else if (value instanceof Ext) writeExt(writer, value)
  else if (writeExtension(writer, value, depth, writeValue)) return
  else if (hasNoForm(value)) throw new NoForm()
  else writeRecord(writer, value, depth)
}

function writeBigint(writer: Writer, value: bigint): void {
  if (value >= MIN_SAFE && value <= MAX_SAFE) {
    writeInteger(writer, Number(value))
    return
  }
  if (value < MIN_INT64 || value > MAX_UINT64) throw new NoForm()
  writer.reserve(9)
  writer.buffer[writer.length] = value > 0n ? 0xcf : 0xd3
  // It takes the lower 64 bits, which are the two's complement of a negative number.
  writer.view.setBigUint64(writer.length + 1, value)
  writer.length += 9
}

/** Writes a str; a lone surrogate becomes U+FFFD. */
export function writeText(writer: Writer, text: string): void {
  if (text.length > SHORT_TEXT || !writeShortAscii(writer, text)) writeLongText(writer, text)
}

/** False, with nothing written, if the text is not ASCII. */
function writeShortAscii(writer: Writer, text: string): boolean {
  const units = text.length
  writer.reserve(1 + units)
  const { buffer, length } = writer
  for (let i = 0; i < units; i++) {
    const unit = text.charCodeAt(i)
    if (unit >= 0x80) return false
    buffer[length + 1 + i] = unit
  }
  buffer[length] = 0xa0 | units
  writer.length = length + 1 + units
  return true
}

function writeBin(writer: Writer, value: ArrayBufferView): void {
  const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  const size = bytes.length
  writer.reserve(5 + size)
  if (size < 0x100) {
    writer.view.setUint16(writer.length, 0xc400 | size)
    writer.length += 2
  } else writeSize(writer, size, 0xc5)
  writer.bytes(bytes)
}

/** `code` and a size of two bytes, or the code after it and four bytes. */
function writeSize(writer: Writer, size: number, code: number): void {
  writer.reserve(5)
  const { buffer, view, length } = writer
  if (size < 0x1_0000) {
    buffer[length] = code
    view.setUint16(length + 1, size)
    writer.length = length + 3
  } else {
    buffer[length] = code + 1
    view.setUint32(length + 1, size)
    writer.length = length + 5
  }
}

function writeExt(writer: Writer, { type, data }: Ext): void {
  writeExtHeader(writer, type, data.length)
  writer.bytes(data)
}

/** Writes an array's header; `size` values must follow. */
export function writeArraySize(writer: Writer, size: number): void {
  if (size < 16) writer.byte(0x90 | size)
  else writeSize(writer, size, 0xdc)
}

function writeArray(writer: Writer, array: readonly unknown[], depth: number): void {
  const size = array.length
  writeArraySize(writer, size)
  for (let i = 0; i < size; i++) {
    const item = array[i]
    // Spares numbers, of which arrays are long, a call each.
    if (typeof item === 'number') writeNumber(writer, item)
    else writeValue(writer, item, depth + 1)
  }
}

function writeMapSize(writer: Writer, size: number): void {
  if (size < 16) writer.byte(0x80 | size)
  else writeSize(writer, size, 0xde)
}

function writeMap(writer: Writer, map: ReadonlyMap<unknown, unknown>, depth: number): void {
  let left = map.size
  writeMapSize(writer, left)
  for (const [key, value] of map) {
    writeValue(writer, key, depth + 1)
    writeValue(writer, value, depth + 1)
    left--
  }
  // A getter inside may have changed the map; then the header's count is wrong.
  if (left !== 0) throw new NoForm()
}

/** By `for in`, which needs no list of keys (nine fields: 0.78 us instead of 1.0); the prototype's are left out. */
function writeRecord(writer: Writer, value: object, depth: number): void {
  // An own enumerable string key of any object can be looked up by it.
  const record = value as Readonly<Record<string, unknown>>
  const start = writer.length
  writer.byte(0x80)
  // Counted as they are written: what a getter adds or removes meanwhile cannot make the header's count wrong.
  let size = 0
  for (const key in record) {
    // biome-ignore lint/suspicious/noPrototypeBuiltins: V8 compiles it away in `for in`, and Object.hasOwn not (7 % here).
    if (!Object.prototype.hasOwnProperty.call(record, key)) continue
    writeText(writer, key)
    writeValue(writer, record[key], depth + 1)
    size++
  }
  if (size < 16) writer.buffer[start] = 0x80 | size
  else widenMapSize(writer, start, size)
}

/** Puts a longer header in the place of the one byte at `start`. */
function widenMapSize(writer: Writer, start: number, size: number): void {
  const more = size < 0x1_0000 ? 2 : 4
  writer.reserve(more)
  const end = writer.length
  writer.buffer.copyWithin(start + 1 + more, start + 1, end)
  writer.length = start
  writeMapSize(writer, size)
  writer.length = end + more
}

/** Memory that encoded values are cut from. */
const CHUNK = 32 * 1024
/** A chunk with less room than the latest values took is left; no more than this is kept free. */
const MOST_ROOM = 4 * 1024

/**
 * Encodes values one after another into memory of its own, which spares each the making of a buffer.
 * What {@link Encoder.encode} returns is the caller's, and stays as it is.
 */
export class Encoder {
  readonly #writer: Writer
  #room = 256
  #isBusy = false

  constructor(extensions?: ExtensionTable) {
    this.#writer = new Writer(CHUNK, extensions)
  }

  /**
   * Encodes one value; docs/connector.md says what becomes of each type. The bytes are a slice of 16 KiB or
   * more that they share with others: copy what is to be kept long.
   */
  encode(value: unknown): Buffer {
    const writer = this.#writer
    // A getter or an extension of the value asks for another one meanwhile.
    if (this.#isBusy) return new Encoder(writer.extensions).encode(value)
    if (writer.capacity - writer.length < this.#room) writer.replaceBuffer(Buffer.allocUnsafeSlow(CHUNK))
    const start = writer.length
    this.#isBusy = true
    try {
      encodeInto(writer, value)
    } finally {
      this.#isBusy = false
    }
    const bytes = writer.buffer.subarray(start, writer.length)
    this.#room = Math.min(Math.max(this.#room, bytes.length), MOST_ROOM)
    // Grown for a large value: let it go with that.
    if (writer.capacity > CHUNK) writer.replaceBuffer(Buffer.allocUnsafeSlow(CHUNK))
    return bytes
  }
}

const shared = new Encoder()

/**
 * Encodes one value now, to be sent later as a part of a request: the value may change meanwhile, and if it has
 * no MessagePack form it fails here and alone.
 */
export function pack(value: unknown): RawMsgpack {
  return new RawMsgpack(shared.encode(value), OWN_BYTES)
}

/** Encodes one value by an {@link Encoder} that all calls share. */
export function encode(value: unknown, extensions?: ExtensionTable): Buffer {
  return extensions === undefined ? shared.encode(value) : new Encoder(extensions).encode(value)
}

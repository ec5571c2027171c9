import { UsageError } from '../errors.ts'
import type { ExtensionTable } from './ext/extension.ts'
import { writeExtHeader } from './ext/header.ts'
import { writeExtension } from './ext/registry.ts'
import { MAX_NESTING } from './nesting.ts'
import { writeDouble, writeInteger, writeNumber } from './numbers.ts'
import { RawField, RawMsgpack } from './raw.ts'
import { findUnencodable, hasNoForm } from './unencodable.ts'
import { Double, Ext } from './values.ts'
import { Writer } from './writer.ts'

/** Up to here a loop over the characters is cheaper than a call into the runtime (8: 45 ns and 110 ns; 24: equal). */
const SHORT_TEXT = 24
/** A string may take three bytes per UTF-16 unit; above this its real size is counted before room is made. */
const LONG_TEXT = 16_384

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
  if (Array.isArray(value)) writeArray(writer, value, depth)
  // Most objects are plain; one look at the prototype spares them the chain below.
  else if (Object.getPrototypeOf(value) === Object.prototype) writeRecord(writer, value, depth)
  else if (ArrayBuffer.isView(value)) writeBin(writer, value)
  else if (value instanceof RawMsgpack || value instanceof RawField) writer.bytes(value.bytes)
  else if (value instanceof Map) writeMap(writer, value, depth)
  else if (value instanceof Double) writeDouble(writer, value.value)
  else if (value instanceof Ext) writeExt(writer, value)
  else if (writeExtension(writer, value, depth, writeValue)) return
  else if (hasNoForm(value)) throw new NoForm()
  else writeRecord(writer, value, depth)
}

function writeBigint(writer: Writer, value: bigint): void {
  if (value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)) {
    writeInteger(writer, Number(value))
    return
  }
  if (BigInt.asUintN(64, value) === value) {
    writer.reserve(9)
    writer.buffer[writer.length] = 0xcf
    writer.view.setBigUint64(writer.length + 1, value)
  } else if (BigInt.asIntN(64, value) === value) {
    writer.reserve(9)
    writer.buffer[writer.length] = 0xd3
    writer.view.setBigInt64(writer.length + 1, value)
  } else throw new NoForm()
  writer.length += 9
}

/** Writes a str. */
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

function writeLongText(writer: Writer, text: string): void {
  const most = text.length > LONG_TEXT ? Buffer.byteLength(text) : text.length * 3
  writer.reserve(5 + most)
  // The header's size is guessed from the count of characters; text that is not ASCII may need a longer one.
  const guess = textHeaderSize(text.length)
  const start = writer.length
  const size = writer.buffer.write(text, start + guess, 'utf8')
  const header = textHeaderSize(size)
  if (header !== guess) writer.buffer.copyWithin(start + header, start + guess, start + guess + size)
  writeTextHeader(writer, size)
  writer.length = start + header + size
}

function textHeaderSize(size: number): number {
  if (size < 32) return 1
  if (size < 0x100) return 2
  return size < 0x1_0000 ? 3 : 5
}

function writeTextHeader(writer: Writer, size: number): void {
  const { buffer, view, length } = writer
  if (size < 32) buffer[length] = 0xa0 | size
  else if (size < 0x100) view.setUint16(length, 0xd900 | size)
  else if (size < 0x1_0000) {
    buffer[length] = 0xda
    view.setUint16(length + 1, size)
  } else {
    buffer[length] = 0xdb
    view.setUint32(length + 1, size)
  }
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
  for (let i = 0; i < size; i++) writeValue(writer, array[i], depth + 1)
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

function writeRecord(writer: Writer, value: object, depth: number): void {
  // The keys are read once: what a getter adds or removes meanwhile cannot make the header's count wrong.
  const keys = Object.keys(value)
  writeMapSize(writer, keys.length)
  // An own enumerable key list of any object can be looked up by string.
  const record = value as Readonly<Record<string, unknown>>
  for (const key of keys) {
    writeText(writer, key)
    writeValue(writer, record[key], depth + 1)
  }
}

/** Encodes one value; see {@link encodeInto} for what becomes of each type. */
export function encode(value: unknown, extensions?: ExtensionTable): Buffer {
  const writer = new Writer(256, extensions)
  encodeInto(writer, value)
  return Buffer.from(writer.buffer.subarray(0, writer.length))
}

import { ProtocolError } from '../errors.ts'
import { byteAt } from './byte-at.ts'
import type { ExtensionTable } from './ext/extension.ts'
import { readExtension } from './ext/registry.ts'
import { MAX_NESTING } from './nesting.ts'
import { type Int64Form, malformed, Reader, reserved } from './reader.ts'
import { readKey, readText } from './text.ts'

const TWO_32 = 0x1_0000_0000
/** No byte of MessagePack: there is none left. */
const NONE = 0xc1
/** An integer whose upper half is below this is safe. */
const SAFE_HIGH = 0x20_0000

// Where eight bytes become a number: to make a DataView for each buffer costs ten times as much.
const eightBytes = new DataView(new ArrayBuffer(8))

/**
 * MessagePack to JavaScript:
 *
 * | MessagePack | JavaScript |
 * |---|---|
 * | nil, true, false | null, true, false |
 * | int, uint | number if it is a safe integer, else bigint; unless `reader.int64` says otherwise |
 * | float32, float64 | number |
 * | str | string; Buffer if the bytes are not UTF-8 |
 * | bin | Buffer, a copy |
 * | array | Array |
 * | map | plain object; Map if any key is not a string, so that `1` and `'1'` stay apart |
 * | ext 1, 2, 3, 4, 6, 7 | Decimal, Uuid, ErrorValue, DateTime, Interval, Tuple |
 * | ext of a type that the user has defined | what its `decode` makes of it |
 * | other ext | Ext |
 */
export function readValue(reader: Reader, depth: number): unknown {
  const byte = reader.u8()
  if (byte < 0x80) return byte
  if (byte < 0xc0) {
    if (byte >= 0xa0) return readText(reader, byte & 0x1f)
    return byte < 0x90 ? readMap(reader, byte & 0x0f, depth) : readArray(reader, byte & 0x0f, depth)
  }
  if (byte >= 0xe0) return byte - 0x100
  // What rows and tasks are made of; the rest is in a second switch so that this one stays small.
  switch (byte) {
    case 0xc0:
      return null
    case 0xc2:
      return false
    case 0xc3:
      return true
    case 0xcb:
      return readFloat64(reader)
    case 0xcc:
      return reader.u8()
    case 0xcd:
      return reader.u16()
    case 0xce:
      return reader.u32()
    case 0xcf:
      return readUint64(reader)
    case 0xd1:
      return (reader.u16() << 16) >> 16
    case 0xd9:
      return readText(reader, reader.u8())
    case 0xda:
      return readText(reader, reader.u16())
    case 0xdc:
      return readArray(reader, reader.u16(), depth)
    case 0xde:
      return readMap(reader, reader.u16(), depth)
    default:
      return readOther(reader, byte, depth)
  }
}

function readOther(reader: Reader, byte: number, depth: number): unknown {
  switch (byte) {
    case 0xca:
      eightBytes.setInt32(0, reader.i32())
      return eightBytes.getFloat32(0)
    case 0xd0:
      return (reader.u8() << 24) >> 24
    case 0xd2:
      return reader.i32()
    case 0xd3:
      return readInt64(reader)
    case 0xdb:
      return readText(reader, reader.u32())
    case 0xdd:
      return readArray(reader, reader.u32(), depth)
    case 0xdf:
      return readMap(reader, reader.u32(), depth)
    default:
      return readBytes(reader, byte, depth)
  }
}

function readFloat64(reader: Reader): number {
  eightBytes.setInt32(0, reader.i32())
  eightBytes.setInt32(4, reader.i32())
  return eightBytes.getFloat64(0)
}

function readUint64(reader: Reader): number | bigint | string {
  const high = reader.u32()
  const low = reader.u32()
  if (high < SAFE_HIGH && reader.int64 !== 'bigint') return high * TWO_32 + low
  eightBytes.setUint32(0, high)
  eightBytes.setUint32(4, low)
  return inForm(reader.int64, eightBytes.getBigUint64(0))
}

function readInt64(reader: Reader): number | bigint | string {
  const high = reader.i32()
  const low = reader.u32()
  const value = high * TWO_32 + low
  if (Number.isSafeInteger(value) && reader.int64 !== 'bigint') return value
  eightBytes.setInt32(0, high)
  eightBytes.setUint32(4, low)
  return inForm(reader.int64, eightBytes.getBigInt64(0))
}

function inForm(form: Int64Form, value: bigint): number | bigint | string {
  if (form === 'number') return Number(value)
  return form === 'string' ? String(value) : value
}

/** A value of the protocol itself, rather than the user's data: its integers are 'safe', whatever the user has chosen. */
export function readSafely(reader: Reader, depth: number): unknown {
  const { int64 } = reader
  reader.int64 = 'safe'
  try {
    return readValue(reader, depth)
  } finally {
    reader.int64 = int64
  }
}

function readBytes(reader: Reader, byte: number, depth: number): unknown {
  switch (byte) {
    case 0xc4:
      return reader.copy(reader.u8())
    case 0xc5:
      return reader.copy(reader.u16())
    case 0xc6:
      return reader.copy(reader.u32())
    case 0xc7:
      return readExt(reader, reader.u8(), depth)
    case 0xc8:
      return readExt(reader, reader.u16(), depth)
    case 0xc9:
      return readExt(reader, reader.u32(), depth)
    case 0xc1:
      throw reserved()
    default:
      // What is left are 0xd4 to 0xd8: fixext of 1, 2, 4, 8 and 16 bytes.
      return readExt(reader, 1 << (byte - 0xd4), depth)
  }
}

function readExt(reader: Reader, size: number, depth: number): unknown {
  const type = (reader.u8() << 24) >> 24
  return readExtension(reader, type, size, depth, readValue)
}

function readArray(reader: Reader, declared: number, depth: number): unknown[] {
  if (depth >= MAX_NESTING) throw tooDeep()
  const size = reader.count(declared)
  const array = new Array<unknown>(size)
  for (let i = 0; i < size; i++) {
    const at = reader.position
    const byte = at < reader.end ? byteAt(reader.buffer, at) : NONE
    // Lists are mostly of integers or of texts: those of up to 16 bits are read here, a fifth faster than by a call.
    if (byte < 0x80) {
      reader.position = at + 1
      array[i] = byte
    } else if (byte === 0xcd && at + 3 <= reader.end) {
      reader.position = at + 3
      array[i] = (byteAt(reader.buffer, at + 1) << 8) | byteAt(reader.buffer, at + 2)
    } else array[i] = readValue(reader, depth + 1)
  }
  return array
}

function readMap(reader: Reader, declared: number, depth: number): object {
  if (depth >= MAX_NESTING) throw tooDeep()
  const size = reader.count(declared)
  const object: Record<string, unknown> = {}
  for (let i = 0; i < size; i++) {
    const key = readMapKey(reader, depth)
    if (typeof key !== 'string') return readRest(reader, object, key, size - i, depth)
    const value = readValue(reader, depth + 1)
    // A plain store of `__proto__` would change the object's prototype instead of adding a property.
    if (key === '__proto__') define(object, key, value)
    else object[key] = value
  }
  return object
}

/** Goes on with a Map from the first key that is not a string. */
function readRest(reader: Reader, begun: object, key: unknown, left: number, depth: number): Map<unknown, unknown> {
  const map = new Map<unknown, unknown>(Object.entries(begun))
  map.set(key, readValue(reader, depth + 1))
  for (let i = 1; i < left; i++) {
    const next = readMapKey(reader, depth)
    map.set(next, readValue(reader, depth + 1))
  }
  return map
}

function readMapKey(reader: Reader, depth: number): unknown {
  const byte = reader.u8()
  if ((byte & 0xe0) === 0xa0) return readKey(reader, byte & 0x1f)
  reader.position--
  return readValue(reader, depth + 1)
}

function define(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true })
}

export function tooDeep(): ProtocolError {
  return new ProtocolError('DECODE_FAILED', `The value nests deeper than ${MAX_NESTING} arrays and maps`, {
    retryable: false,
    sent: false,
  })
}

/** A reader that no call of {@link decode} uses at the moment; between two of them it holds nothing of theirs. */
let spare: Reader | undefined

/**
 * Decodes one MessagePack value; docs/connector.md says what becomes of each type. `int64` is as the option of a
 * connection, 'safe' by default.
 * Throws a `ProtocolError` with code `DECODE_FAILED` if the bytes are not exactly one value.
 */
export function decode(bytes: Uint8Array, extensions?: ExtensionTable, int64: Int64Form = 'safe'): unknown {
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (extensions !== undefined || int64 !== 'safe') return decodeBy(new Reader(extensions, int64), buffer)
  // An extension's `decode` may call this again meanwhile.
  const reader = spare ?? new Reader()
  spare = undefined
  try {
    return decodeBy(reader, buffer)
  } finally {
    reader.unload()
    spare = reader
  }
}

function decodeBy(reader: Reader, buffer: Buffer): unknown {
  reader.load(buffer, 0, buffer.length)
  const value = readValue(reader, 0)
  if (reader.position !== reader.end) throw malformed('bytes are left after the value')
  return value
}

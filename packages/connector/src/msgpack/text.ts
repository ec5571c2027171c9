import { isUtf8 } from 'node:buffer'
import { byteAt } from './byte-at.ts'
import { MAX_CACHED_KEY } from './key-cache.ts'
import { MAX_MID, readMidAscii } from './mid-text.ts'
import type { Reader } from './reader.ts'
import { MAX_SHORT, readShortAscii } from './short-text.ts'
import { MAX_WIDE } from './wide-text.ts'

/** What `toString('utf8')` puts where bytes are not UTF-8. */
const REPLACEMENT = '\ufffd'
/** Up to here it is worth looking at each byte to see that all are ASCII. */
const MAX_SCANNED = 64

/** A string of `size` bytes; a Buffer if they are not UTF-8, so that no byte is ever lost. */
export function readText(reader: Reader, size: number): string | Buffer {
  const at = reader.take(size)
  const { buffer } = reader
  const end = at + size
  if (size <= MAX_SHORT) {
    const short = readShortAscii(buffer, at, size)
    if (short !== undefined) return short
  } else if (size > MAX_SCANNED) {
    if (size > MAX_WIDE || looksAscii(buffer, at, end)) return readByRuntime(buffer, at, end)
  } else if (isAscii(buffer, at, end)) {
    const mid = size <= MAX_MID ? readMidAscii(buffer, at, size) : undefined
    return mid ?? reader.window.read(buffer, at, end, reader.end)
  }
  return reader.wide.read(buffer, at, end) ?? readByRuntime(buffer, at, end)
}

/** Like {@link readText}, through the cache of keys. */
export function readKey(reader: Reader, size: number): string | Buffer {
  if (size === 0 || size > MAX_CACHED_KEY) return readText(reader, size)
  const at = reader.take(size)
  const { buffer, keys } = reader
  const slot = keys.slotOf(buffer, at, size)
  const cached = keys.get(buffer, at, size, slot)
  if (cached !== undefined) return cached
  reader.position = at
  const key = readText(reader, size)
  if (typeof key === 'string') keys.set(buffer, at, size, slot, key)
  return key
}

/** The bytes from `at` to `end` must be there, here and below. */
function isAscii(buffer: Uint8Array, at: number, end: number): boolean {
  let bits = 0
  for (let i = at; i < end; i++) bits |= byteAt(buffer, i)
  return bits < 0x80
}

/** A guess by three bytes: where it is wrong, the text is only slower to decode. */
function looksAscii(buffer: Uint8Array, at: number, end: number): boolean {
  const ends = byteAt(buffer, at) | byteAt(buffer, end - 1)
  return (ends | byteAt(buffer, (at + end) >> 1)) < 0x80
}

function readByRuntime(buffer: Buffer, at: number, end: number): string | Buffer {
  const text = buffer.toString('utf8', at, end)
  // A replacement character is either what was sent or a sign of bytes that are no UTF-8; only then look at the bytes.
  if (!text.includes(REPLACEMENT)) return text
  const bytes = buffer.subarray(at, end)
  return isUtf8(bytes) ? text : Buffer.from(bytes)
}

import { isUtf8 } from 'node:buffer'
import { MAX_CACHED_KEY } from './key-cache.ts'
import type { Reader } from './reader.ts'

/** What `toString('utf8')` puts where bytes are not UTF-8. */
const REPLACEMENT = '\ufffd'
/** Up to here a loop in JavaScript is cheaper than a call into the runtime (4 bytes: 32 ns and 84 ns; 8 bytes: 130 ns both). */
const SHORT = 7

/** A string of `size` bytes; a Buffer if they are not UTF-8, so that no byte is ever lost. */
export function readText(reader: Reader, size: number): string | Buffer {
  const at = reader.take(size)
  if (size <= SHORT) {
    const short = shortAscii(reader.view, at, size)
    if (short !== undefined) return short
  }
  const text = reader.buffer.toString('utf8', at, at + size)
  // A replacement character is either what was sent or a sign of bytes that are no UTF-8; only then look at the bytes.
  if (!text.includes(REPLACEMENT)) return text
  const bytes = reader.buffer.subarray(at, at + size)
  return isUtf8(bytes) ? text : Buffer.from(bytes)
}

/** Like {@link readText}, through the cache of keys. */
export function readKey(reader: Reader, size: number): string | Buffer {
  if (size > MAX_CACHED_KEY) return readText(reader, size)
  const at = reader.take(size)
  const { view, keys } = reader
  let hash = size
  let bits = 0
  for (let i = at; i < at + size; i++) {
    const byte = view.getUint8(i)
    bits |= byte
    hash = (Math.imul(hash, 31) + byte) | 0
  }
  if (bits < 0x80) {
    // The high bits of a short key's sum say the most; fold them into those that choose the slot.
    hash ^= hash >>> 9
    const cached = keys.get(view, at, size, hash)
    if (cached !== undefined) return cached
  }
  reader.position = at
  const key = readText(reader, size)
  if (bits < 0x80 && typeof key === 'string') keys.set(hash, key)
  return key
}

function shortAscii(view: DataView, at: number, size: number): string | undefined {
  let text = ''
  for (let i = at; i < at + size; i++) {
    const byte = view.getUint8(i)
    if (byte >= 0x80) return undefined
    text += String.fromCharCode(byte)
  }
  return text
}

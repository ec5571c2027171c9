import { byteAt } from './byte-at.ts'

/** Up to here one call of `fromCharCode` is cheaper than a slice of decoded text (8 bytes: 27 ns instead of 60). */
export const MAX_SHORT = 12

/**
 * The text of at most MAX_SHORT bytes, which must be there; undefined if they are not all ASCII. In steps of four:
 * `fromCharCode` with all bytes at once takes a quarter of the time of joining them one by one.
 */
export function readShortAscii(bytes: Uint8Array, at: number, size: number): string | undefined {
  if (size < 4) return readRest(bytes, at, size)
  const a = byteAt(bytes, at)
  const b = byteAt(bytes, at + 1)
  const c = byteAt(bytes, at + 2)
  const d = byteAt(bytes, at + 3)
  if ((a | b | c | d) >= 0x80) return undefined
  if (size === 4) return String.fromCharCode(a, b, c, d)
  const x = byteAt(bytes, at + 4)
  if (size === 5) return x < 0x80 ? String.fromCharCode(a, b, c, d, x) : undefined
  const y = byteAt(bytes, at + 5)
  if (size === 6) return (x | y) < 0x80 ? String.fromCharCode(a, b, c, d, x, y) : undefined
  const z = byteAt(bytes, at + 6)
  if (size === 7) return (x | y | z) < 0x80 ? String.fromCharCode(a, b, c, d, x, y, z) : undefined
  const w = byteAt(bytes, at + 7)
  if ((x | y | z | w) >= 0x80) return undefined
  if (size === 8) return String.fromCharCode(a, b, c, d, x, y, z, w)
  const e = byteAt(bytes, at + 8)
  if (size === 9) return e < 0x80 ? String.fromCharCode(a, b, c, d, x, y, z, w, e) : undefined
  const f = byteAt(bytes, at + 9)
  if (size === 10) return (e | f) < 0x80 ? String.fromCharCode(a, b, c, d, x, y, z, w, e, f) : undefined
  const g = byteAt(bytes, at + 10)
  if (size === 11) return (e | f | g) < 0x80 ? String.fromCharCode(a, b, c, d, x, y, z, w, e, f, g) : undefined
  const h = byteAt(bytes, at + 11)
  return (e | f | g | h) < 0x80 ? String.fromCharCode(a, b, c, d, x, y, z, w, e, f, g, h) : undefined
}

/** Of less than four bytes. */
function readRest(bytes: Uint8Array, at: number, size: number): string | undefined {
  if (size === 0) return ''
  const x = byteAt(bytes, at)
  if (size === 1) return x < 0x80 ? String.fromCharCode(x) : undefined
  const y = byteAt(bytes, at + 1)
  if (size === 2) return (x | y) < 0x80 ? String.fromCharCode(x, y) : undefined
  const z = byteAt(bytes, at + 2)
  return (x | y | z) < 0x80 ? String.fromCharCode(x, y, z) : undefined
}

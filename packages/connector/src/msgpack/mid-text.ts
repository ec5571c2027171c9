import { byteAt } from './byte-at.ts'

/** Up to here one call of `fromCharCode` is cheaper than a call into the runtime (24 bytes: 57 ns instead of 104). */
export const MAX_MID = 24

/**
 * The text of 13 to MAX_MID bytes that are ASCII and there; undefined if the buffer ends soon behind them. All of 16
 * or 24 bytes are turned into text, whatever the last ones are, and cut to size: a slice costs less than a way for
 * each size.
 */
export function readMidAscii(bytes: Uint8Array, at: number, size: number): string | undefined {
  if (at + MAX_MID > bytes.length) return undefined
  if (size === 16) return read16(bytes, at)
  return size < 16 ? read16(bytes, at).slice(0, size) : read24(bytes, at).slice(0, size)
}

function read16(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(
    byteAt(bytes, at),
    byteAt(bytes, at + 1),
    byteAt(bytes, at + 2),
    byteAt(bytes, at + 3),
    byteAt(bytes, at + 4),
    byteAt(bytes, at + 5),
    byteAt(bytes, at + 6),
    byteAt(bytes, at + 7),
    byteAt(bytes, at + 8),
    byteAt(bytes, at + 9),
    byteAt(bytes, at + 10),
    byteAt(bytes, at + 11),
    byteAt(bytes, at + 12),
    byteAt(bytes, at + 13),
    byteAt(bytes, at + 14),
    byteAt(bytes, at + 15),
  )
}

function read24(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(
    byteAt(bytes, at),
    byteAt(bytes, at + 1),
    byteAt(bytes, at + 2),
    byteAt(bytes, at + 3),
    byteAt(bytes, at + 4),
    byteAt(bytes, at + 5),
    byteAt(bytes, at + 6),
    byteAt(bytes, at + 7),
    byteAt(bytes, at + 8),
    byteAt(bytes, at + 9),
    byteAt(bytes, at + 10),
    byteAt(bytes, at + 11),
    byteAt(bytes, at + 12),
    byteAt(bytes, at + 13),
    byteAt(bytes, at + 14),
    byteAt(bytes, at + 15),
    byteAt(bytes, at + 16),
    byteAt(bytes, at + 17),
    byteAt(bytes, at + 18),
    byteAt(bytes, at + 19),
    byteAt(bytes, at + 20),
    byteAt(bytes, at + 21),
    byteAt(bytes, at + 22),
    byteAt(bytes, at + 23),
  )
}

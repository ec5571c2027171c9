import type { Writer } from '../writer.ts'

/*
 * ext = fixext 1, 2, 4, 8, 16: 0xd4 … 0xd8, type, data
 *     | ext 8:  0xc7, size u8,  type, data
 *     | ext 16: 0xc8, size u16, type, data
 *     | ext 32: 0xc9, size u32, type, data
 */

/** Most payloads whose size is not known beforehand take an ext 8. */
const GUESS = 3

/** Writes the header of an extension whose payload of `size` bytes follows. */
export function writeExtHeader(writer: Writer, type: number, size: number): void {
  const header = headerSize(size)
  writer.reserve(header)
  putHeader(writer, writer.length, type, size)
  writer.length += header
}

/** Leaves room for a header; hand what it returns to {@link endExt} when the payload is written. */
export function beginExt(writer: Writer): number {
  const start = writer.length
  writer.reserve(GUESS)
  writer.length = start + GUESS
  return start
}

/** Fills the header in, and moves the payload where the header turned out to have another size. */
export function endExt(writer: Writer, start: number, type: number): void {
  const size = writer.length - start - GUESS
  const header = headerSize(size)
  if (header !== GUESS) {
    if (header > GUESS) writer.reserve(header - GUESS)
    writer.buffer.copyWithin(start + header, start + GUESS, writer.length)
    writer.length = start + header + size
  }
  putHeader(writer, start, type, size)
}

function headerSize(size: number): number {
  if (isFixed(size)) return 2
  if (size < 0x100) return 3
  return size < 0x1_0000 ? 4 : 6
}

/** 1, 2, 4, 8 or 16. */
function isFixed(size: number): boolean {
  return size > 0 && size <= 16 && (size & (size - 1)) === 0
}

function putHeader(writer: Writer, start: number, type: number, size: number): void {
  const { buffer, view } = writer
  let at = start
  if (isFixed(size)) buffer[at++] = 0xd4 + (31 - Math.clz32(size))
  else if (size < 0x100) {
    buffer[at++] = 0xc7
    buffer[at++] = size
  } else if (size < 0x1_0000) {
    buffer[at] = 0xc8
    view.setUint16(at + 1, size)
    at += 3
  } else {
    buffer[at] = 0xc9
    view.setUint32(at + 1, size)
    at += 5
  }
  buffer[at] = type & 0xff
}

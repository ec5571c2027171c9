import type { Writer } from './writer.ts'

/*
 * str = 101xxxxx, up to 31 bytes | d9 <size u8> | da <size u16> | db <size u32>
 */

/** Above this the bytes are counted, which takes as long as to write them, before more memory is taken for them. */
const UNCOUNTED = 512

/** Writes a str in one call of the runtime. */
export function writeLongText(writer: Writer, text: string): void {
  if (text.length > UNCOUNTED && writer.length + mostBytes(text) > writer.capacity) writeCounted(writer, text)
  else writeUncounted(writer, text)
}

/** Three bytes for each UTF-16 unit, and the header. */
function mostBytes(text: string): number {
  return 5 + text.length * 3
}

function writeUncounted(writer: Writer, text: string): void {
  writer.reserve(mostBytes(text))
  // The header's size is guessed from the count of characters; text that is not ASCII may need a longer one.
  const guess = headerSize(text.length)
  const start = writer.length
  const size = writer.buffer.write(text, start + guess, 'utf8')
  const header = headerSize(size)
  if (header !== guess) writer.buffer.copyWithin(start + header, start + guess, start + guess + size)
  writeHeader(writer, size)
  writer.length = start + header + size
}

function writeCounted(writer: Writer, text: string): void {
  const size = Buffer.byteLength(text)
  writer.reserve(5 + size)
  writeHeader(writer, size)
  const start = writer.length + headerSize(size)
  // As many bytes as characters: it is ASCII, and to write that is a plain copy.
  writer.buffer.write(text, start, size === text.length ? 'latin1' : 'utf8')
  writer.length = start + size
}

function headerSize(size: number): number {
  if (size < 32) return 1
  if (size < 0x100) return 2
  return size < 0x1_0000 ? 3 : 5
}

function writeHeader(writer: Writer, size: number): void {
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

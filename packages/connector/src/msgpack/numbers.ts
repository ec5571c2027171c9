import type { Writer } from './writer.ts'

const TWO_32 = 0x1_0000_0000

/** Writes a number: int or uint if it is a safe integer and not -0, else float64. */
export function writeNumber(writer: Writer, value: number): void {
  // Whole numbers of 32 bits, which most are, are told by one comparison; 0 and -0 look the same to it.
  const integer = value | 0
  if (integer === value && integer !== 0) {
    writer.reserve(5)
    if (integer > 0) writePositive32(writer, integer)
    else writeNegative(writer, integer)
  } else if (Number.isSafeInteger(value) && (value !== 0 || 1 / value > 0)) writeInteger(writer, value)
  else writeDouble(writer, value)
}

/** By shifts, which are cheaper than a view's call for as few bytes. */
function writePositive32(writer: Writer, value: number): void {
  const { buffer, length } = writer
  if (value < 0x80) {
    buffer[length] = value
    writer.length = length + 1
  } else if (value < 0x100) {
    buffer[length] = 0xcc
    buffer[length + 1] = value
    writer.length = length + 2
  } else if (value < 0x1_0000) {
    buffer[length] = 0xcd
    buffer[length + 1] = value >> 8
    buffer[length + 2] = value
    writer.length = length + 3
  } else {
    buffer[length] = 0xce
    buffer[length + 1] = value >> 24
    buffer[length + 2] = value >> 16
    buffer[length + 3] = value >> 8
    buffer[length + 4] = value
    writer.length = length + 5
  }
}

/** Writes float64. */
export function writeDouble(writer: Writer, value: number): void {
  writer.reserve(9)
  writer.buffer[writer.length] = 0xcb
  writer.view.setFloat64(writer.length + 1, value)
  writer.length += 9
}

/** Writes float32. */
export function writeFloat32(writer: Writer, value: number): void {
  writer.reserve(5)
  writer.buffer[writer.length] = 0xca
  writer.view.setFloat32(writer.length + 1, value)
  writer.length += 5
}

/** Writes a safe integer in the shortest form. */
export function writeInteger(writer: Writer, value: number): void {
  writer.reserve(9)
  if (value >= 0) writeUnsigned(writer, value)
  else writeNegative(writer, value)
}

function writeUnsigned(writer: Writer, value: number): void {
  const { buffer, view, length } = writer
  if (value < 0x80) {
    buffer[length] = value
    writer.length = length + 1
  } else if (value < 0x100) {
    view.setUint16(length, 0xcc00 | value)
    writer.length = length + 2
  } else if (value < 0x1_0000) {
    buffer[length] = 0xcd
    view.setUint16(length + 1, value)
    writer.length = length + 3
  } else if (value < TWO_32) {
    buffer[length] = 0xce
    view.setUint32(length + 1, value)
    writer.length = length + 5
  } else {
    buffer[length] = 0xcf
    view.setUint32(length + 1, Math.floor(value / TWO_32))
    view.setUint32(length + 5, value % TWO_32)
    writer.length = length + 9
  }
}

function writeNegative(writer: Writer, value: number): void {
  const { buffer, view, length } = writer
  if (value >= -0x20) {
    buffer[length] = value & 0xff
    writer.length = length + 1
  } else if (value >= -0x80) {
    view.setUint16(length, 0xd000 | (value & 0xff))
    writer.length = length + 2
  } else if (value >= -0x8000) {
    buffer[length] = 0xd1
    view.setInt16(length + 1, value)
    writer.length = length + 3
  } else if (value >= -0x8000_0000) {
    buffer[length] = 0xd2
    view.setInt32(length + 1, value)
    writer.length = length + 5
  } else {
    buffer[length] = 0xd3
    view.setInt32(length + 1, Math.floor(value / TWO_32))
    // setUint32 takes the number modulo 2^32, which is the lower half of its two's complement.
    view.setUint32(length + 5, value)
    writer.length = length + 9
  }
}

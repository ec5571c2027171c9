import { ProtocolError, UsageError } from '../errors.ts'
import { writeInteger } from '../msgpack/numbers.ts'
import type { Reader } from '../msgpack/reader.ts'
import type { Writer } from '../msgpack/writer.ts'
import { Key } from './constants.ts'

/*
 * Request = ce <size u32> header body
 *   header = { REQUEST_TYPE: uint, SYNC: uint [, SCHEMA_VERSION: uint] [, STREAM_ID: uint] }
 * Reply header, as servers write it (2.6: 23 bytes; since 2.11.1: 27 bytes):
 *   83 00 ce <type u32> 01 cf <sync u64> 05 (ce <schema version u32> | cf <schema version u64>)
 */

const SIZE_PREFIX = 5
/** Bytes of the longest fixed part: prefix, two keys with their values, and the schema version. */
const MOST_HEADER = SIZE_PREFIX + 16

/**
 * Begins a request; the body is to be written next, then {@link endRequest}. Returns where it began.
 * `sync` goes out at full width, so that a request has the same size whatever its number.
 */
export function beginRequest(
  writer: Writer,
  type: number,
  sync: number,
  schemaVersion: number,
  streamId: number,
): number {
  writer.reserve(MOST_HEADER)
  const { buffer, view, length: start } = writer
  buffer[start] = 0xce
  buffer[start + 5] = schemaVersion === 0 ? 0x82 : 0x83
  buffer[start + 6] = Key.REQUEST_TYPE
  buffer[start + 7] = type
  buffer[start + 8] = Key.SYNC
  buffer[start + 9] = 0xce
  view.setUint32(start + 10, sync)
  if (schemaVersion === 0) writer.length = start + 14
  else {
    buffer[start + 14] = Key.SCHEMA_VERSION
    buffer[start + 15] = 0xce
    view.setUint32(start + 16, schemaVersion)
    writer.length = start + 20
  }
  if (streamId !== 0) writeStreamId(writer, start, streamId)
  return start
}

/** One key more in the map whose size stands at a fixed place. */
function writeStreamId(writer: Writer, start: number, streamId: number): void {
  writer.byte(Key.STREAM_ID)
  writeInteger(writer, streamId)
  writer.buffer[start + SIZE_PREFIX] = (writer.buffer[start + SIZE_PREFIX] ?? 0) + 1
}

/** Fills in the size of the request that began at `start`. */
export function endRequest(writer: Writer, start: number, maxFrameBytes: number): void {
  const size = writer.length - start - SIZE_PREFIX
  if (size > maxFrameBytes) {
    throw new UsageError(
      'REQUEST_TOO_LARGE',
      `A request of ${size} bytes is above \`maxFrameBytes\` (${maxFrameBytes})`,
    )
  }
  writer.view.setUint32(start + 1, size)
}

/** A reply's header; one object per connection is filled again for every reply. */
export class ReplyHeader {
  type = 0
  sync = 0
  /** 0 if the reply has none: that is no change of the schema. */
  schemaVersion = 0

  read(reader: Reader): void {
    if (!this.#readUsual(reader)) this.#readAny(reader)
  }

  /** Reads the layout that servers use, or leaves the reader where it is. */
  #readUsual(reader: Reader): boolean {
    const { view, position: at } = reader
    if (reader.end - at < 23) return false
    if (view.getUint16(at) !== 0x8300 || view.getUint8(at + 2) !== 0xce) return false
    if (view.getUint16(at + 7) !== 0x01cf || view.getUint8(at + 17) !== Key.SCHEMA_VERSION) return false
    const wide = view.getUint8(at + 18) === 0xcf
    if (wide ? reader.end - at < 27 : view.getUint8(at + 18) !== 0xce) return false
    this.type = view.getUint32(at + 3)
    this.sync = view.getUint32(at + 9) * 0x1_0000_0000 + view.getUint32(at + 13)
    // The upper half of a wide schema version is out of reach: every change of the schema adds one.
    this.schemaVersion = view.getUint32(wide ? at + 23 : at + 19)
    reader.position = at + (wide ? 27 : 23)
    return true
  }

  #readAny(reader: Reader): void {
    this.type = -1
    this.sync = 0
    this.schemaVersion = 0
    for (let left = reader.mapSize(); left > 0; left--) {
      const key = reader.uint()
      if (key === Key.REQUEST_TYPE) this.type = reader.uint()
      else if (key === Key.SYNC) this.sync = reader.uint()
      else if (key === Key.SCHEMA_VERSION) this.schemaVersion = reader.uint()
      else reader.skip()
    }
    if (this.type < 0) {
      throw new ProtocolError('PROTOCOL_ERROR', 'A reply has no type in its header', { retryable: false, sent: true })
    }
  }
}

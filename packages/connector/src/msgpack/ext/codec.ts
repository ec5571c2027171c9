import { ProtocolError } from '../../errors.ts'
import type { Reader } from '../reader.ts'
import type { Writer } from '../writer.ts'

/** Decodes the value that begins at the reader's position. */
export type ReadNested = (reader: Reader, depth: number) => unknown
/** Writes one value. */
export type WriteNested = (writer: Writer, value: unknown, depth: number) => void

/**
 * One of Tarantool's extensions. Values inside a payload are read and written by functions that the caller
 * hands in, so that this folder does not import the codec that imports it.
 */
export interface ExtCodec<T extends object> {
  readonly type: number
  /** What the extension is called in an error. */
  readonly name: string
  readonly class: abstract new (...args: never[]) => T
  /** Reads the payload: `reader` is a window on it alone. What is left unread counts as malformed. */
  read(reader: Reader, depth: number, readNested: ReadNested): object
  /** Writes the whole value, the extension's header included. */
  write(writer: Writer, value: T, depth: number, writeNested: WriteNested): void
}

/** `name` with its article, as in `a decimal`. */
export function invalidPayload(name: string, why: string, cause?: unknown): ProtocolError {
  return new ProtocolError('DECODE_FAILED', `This is not ${name}: ${why}`, { retryable: false, sent: false, cause })
}

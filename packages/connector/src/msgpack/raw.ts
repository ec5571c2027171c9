import { UsageError } from '../errors.ts'
import { decode } from './decode.ts'
import { type ExtensionTable, NO_EXTENSIONS } from './ext/extension.ts'
import { type Int64Form, Reader } from './reader.ts'

/** Says that the codec has just written the bytes, so that they need no check; not for users. */
export const OWN_BYTES: unique symbol = Symbol('own bytes')

/**
 * One value that is MessagePack already. It is written as it is wherever a value may stand:
 * as an argument, inside a tuple, inside a map.
 */
export class RawMsgpack {
  readonly bytes: Buffer

  /**
   * Takes the bytes without a copy: do not change them while a request with them is under way.
   * Throws a `UsageError` unless they are exactly one MessagePack value, for anything else would break
   * the request around it.
   */
  constructor(bytes: Uint8Array, origin?: typeof OWN_BYTES) {
    this.bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    if (origin !== OWN_BYTES) assertOneValue(this.bytes)
  }
}

/** A part of a reply that was left undecoded because the caller asked so (`lazy`); it owns its bytes. */
export class RawField {
  /** The field's MessagePack, header included. */
  readonly bytes: Buffer

  readonly #extensions: ExtensionTable
  readonly #int64: Int64Form

  /** Trusts the bytes to be one value: whoever makes one has cut it out of a reply. */
  constructor(bytes: Buffer, extensions: ExtensionTable = NO_EXTENSIONS, int64: Int64Form = 'safe') {
    this.bytes = bytes
    this.#extensions = extensions
    this.#int64 = int64
  }

  /** Decodes the field as the connection would have, anew at each call. */
  decode(): unknown {
    return decode(this.bytes, this.#extensions, this.#int64)
  }
}

function assertOneValue(bytes: Buffer): void {
  const reader = new Reader()
  reader.load(bytes, 0, bytes.length)
  try {
    reader.skip()
  } catch (cause) {
    throw new UsageError('INVALID_ARGUMENT', 'Expected `bytes` to be one MessagePack value', cause)
  }
  if (reader.position !== bytes.length) {
    throw new UsageError('INVALID_ARGUMENT', 'Expected `bytes` to be one MessagePack value, got more after it')
  }
}

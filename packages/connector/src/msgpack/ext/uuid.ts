import { randomUUID } from 'node:crypto'
import { UsageError } from '../../errors.ts'
import { type ExtCodec, invalidPayload } from './codec.ts'
import { writeExtHeader } from './header.ts'

/*
 * payload = the 16 bytes in the order in which the text shows them (big-endian)
 */

const TYPE = 2
const SIZE = 16
const HYPHEN = 0x2d
const CANONICAL = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** A UUID of any version. Server: any with the `uuid` type (>= 2.4). */
export class Uuid {
  /** Canonical text: 36 characters, lower case. */
  readonly text: string

  /** From canonical text with its hyphens, in any case. Throws a `UsageError` for anything else. */
  constructor(text: string) {
    const given: unknown = text
    // Text made from a payload is in lower case already; a match that folds the case costs more.
    this.text = typeof given === 'string' && CANONICAL.test(given) ? given : lowered(given)
  }

  /** From canonical text, or from 16 bytes in the order of the text. Throws a `UsageError` for anything else. */
  static from(value: string | Uint8Array): Uuid {
    if (!(value instanceof Uint8Array)) return new Uuid(value)
    if (value.length !== SIZE) {
      throw new UsageError('INVALID_ARGUMENT', `Expected a uuid to have ${SIZE} bytes, got ${value.length}`)
    }
    return new Uuid(textOf(Buffer.from(value.buffer, value.byteOffset, SIZE), 0))
  }

  /** A new one of version 4. */
  static random(): Uuid {
    return new Uuid(randomUUID())
  }

  /** 16 bytes of your own, in the order of the text. */
  toBytes(): Buffer {
    return Buffer.from(this.text.replaceAll('-', ''), 'hex')
  }

  toString(): string {
    return this.text
  }

  toJSON(): string {
    return this.text
  }

  equals(other: Uuid): boolean {
    return this.text === other.text
  }
}

function lowered(given: unknown): string {
  const text = String(given)
  const lower = text.toLowerCase()
  if (typeof given === 'string' && CANONICAL.test(lower)) return lower
  const shown = `\`${text.slice(0, 80)}\` (${typeof given})`
  throw new UsageError(
    'INVALID_ARGUMENT',
    `Expected a uuid such as '64d22e4d-ac92-4a23-899a-e59f34af5479', got ${shown}`,
  )
}

/** Two hexadecimal digits for each byte: a table is several times as fast as a call of the runtime's converter. */
const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

function textOf(buffer: Buffer, at: number): string {
  let text = ''
  for (let i = 0; i < SIZE; i++) {
    text += HEX[buffer[at + i] ?? 0] ?? ''
    if (i === 3 || i === 5 || i === 7 || i === 9) text += '-'
  }
  return text
}

/** The value of a hexadecimal digit in lower case. */
function nibble(code: number): number {
  return code < 0x3a ? code - 0x30 : code - 0x57
}

export const uuidCodec: ExtCodec<Uuid> = {
  type: TYPE,
  name: 'a uuid',
  class: Uuid,

  read(reader) {
    if (reader.end - reader.position !== SIZE) throw invalidPayload(this.name, `it has not ${SIZE} bytes`)
    return new Uuid(textOf(reader.buffer, reader.take(SIZE)))
  },

  write(writer, { text }) {
    writeExtHeader(writer, TYPE, SIZE)
    writer.reserve(SIZE)
    const { buffer, length } = writer
    let at = 0
    for (let i = 0; i < SIZE; i++) {
      if (text.charCodeAt(at) === HYPHEN) at++
      buffer[length + i] = (nibble(text.charCodeAt(at)) << 4) | nibble(text.charCodeAt(at + 1))
      at += 2
    }
    writer.length = length + SIZE
  },
}

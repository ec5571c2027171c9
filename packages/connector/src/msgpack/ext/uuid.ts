import { randomUUID } from 'node:crypto'
import { UsageError } from '../../errors.ts'
import { type ExtCodec, invalidPayload } from './codec.ts'
import { writeExtHeader } from './header.ts'

/*
 * payload = the 16 bytes in the order in which the text shows them (big-endian)
 */

const TYPE = 2
const SIZE = 16
const CANONICAL = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** A UUID of any version. Server: any with the `uuid` type (>= 2.4). */
export class Uuid {
  /** Canonical text: 36 characters, lower case. */
  readonly text: string

  /** From canonical text with its hyphens, in any case. Throws a `UsageError` for anything else. */
  constructor(text: string) {
    const given: unknown = text
    if (typeof given !== 'string' || !CANONICAL.test(given)) {
      const shown = `\`${String(given).slice(0, 80)}\` (${typeof given})`
      throw new UsageError(
        'INVALID_ARGUMENT',
        `Expected a uuid such as '64d22e4d-ac92-4a23-899a-e59f34af5479', got ${shown}`,
      )
    }
    this.text = text.toLowerCase()
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

function textOf(buffer: Buffer, at: number): string {
  const hex = buffer.toString('hex', at, at + SIZE)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

export const uuidCodec: ExtCodec<Uuid> = {
  type: TYPE,
  name: 'a uuid',
  class: Uuid,

  read(reader) {
    if (reader.end - reader.position !== SIZE) throw invalidPayload(this.name, `it has not ${SIZE} bytes`)
    return new Uuid(textOf(reader.buffer, reader.take(SIZE)))
  },

  write(writer, value) {
    writeExtHeader(writer, TYPE, SIZE)
    writer.reserve(SIZE)
    writer.buffer.write(value.text.replaceAll('-', ''), writer.length, 'hex')
    writer.length += SIZE
  },
}

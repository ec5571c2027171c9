import type { Reader, RowReader } from '../reader.ts'
import { invalidPayload, type ReadNested } from './codec.ts'
import { TupleFormats } from './formats.ts'

/** Replies with other formats than these many are rare; each costs its bytes and its names. */
const MOST_FORMATS = 256

/**
 * What a connection makes of the tuples of a reply: arrays, or objects by the formats that came with them.
 * Formats repeat from reply to reply, so what was parsed from the same bytes is used again.
 */
export class TupleRows implements RowReader {
  readonly #known = new Map<string, TupleFormats>()
  /** Of the reply that is being read; undefined: rows are arrays. */
  #formats: TupleFormats | undefined

  /** From here on until {@link asArrays}, rows are objects by the TUPLE_FORMATS in these bytes. */
  asObjects(bytes: Buffer, parse: (bytes: Buffer) => unknown): void {
    const key = bytes.toString('latin1')
    let formats = this.#known.get(key)
    if (formats === undefined) {
      formats = TupleFormats.parse(parse(bytes))
      if (this.#known.size >= MOST_FORMATS) this.#known.clear()
      this.#known.set(key, formats)
    }
    this.#formats = formats
  }

  asArrays(): void {
    this.#formats = undefined
  }

  /** The row that begins here: a format's id, then its fields. */
  read(reader: Reader, depth: number, readNested: ReadNested): object {
    const formatId = reader.uint()
    if (this.#formats !== undefined) return this.#formats.shape(formatId).read(reader, depth, readNested)
    if (!reader.isArray()) throw invalidPayload('a tuple', 'it is not an id and an array')
    // An array decodes to an array.
    return readNested(reader, depth) as unknown[]
  }
}

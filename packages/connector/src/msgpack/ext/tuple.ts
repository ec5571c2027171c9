import { UsageError } from '../../errors.ts'
import { type ExtCodec, invalidPayload } from './codec.ts'

/*
 * payload = format id: uint, fields: array
 * The formats follow in the body of the same reply, under TUPLE_FORMATS; an id means nothing beyond that reply.
 */

const TYPE = 7

/**
 * A row together with the number of its format, which `TupleFormats` of the same reply explains.
 * Server: >= 3.0, if the client has declared the features `dml_tuple_extension` or `call_ret_tuple_extension`.
 *
 * It is written as a plain array: a format's id belongs to the reply that it came with.
 */
export class Tuple {
  readonly formatId: number
  readonly values: readonly unknown[]

  constructor(formatId: number, values: readonly unknown[]) {
    if (!Number.isInteger(formatId) || formatId < 0) {
      throw new UsageError(
        'INVALID_ARGUMENT',
        `Expected \`formatId\` to be an integer >= 0, got \`${String(formatId)}\``,
      )
    }
    this.formatId = formatId
    this.values = values
  }

  [Symbol.iterator](): Iterator<unknown> {
    return this.values[Symbol.iterator]()
  }

  toJSON(): readonly unknown[] {
    return this.values
  }
}

export const tupleCodec: ExtCodec<Tuple> = {
  type: TYPE,
  name: 'a tuple',
  class: Tuple,

  read(reader, depth, readNested) {
    if (reader.rows !== undefined) return reader.rows.read(reader, depth, readNested)
    const formatId = readNested(reader, depth)
    const values = readNested(reader, depth)
    if (typeof formatId !== 'number' || !Array.isArray(values))
      throw invalidPayload(this.name, 'it is not an id and an array')
    return new Tuple(formatId, values)
  },

  write(writer, value, depth, writeNested) {
    writeNested(writer, value.values, depth)
  },
}

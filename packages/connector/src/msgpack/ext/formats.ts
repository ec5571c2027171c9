import { ProtocolError } from '../../errors.ts'
import { RowShape } from './row-shape.ts'
import type { Tuple } from './tuple.ts'

/*
 * TUPLE_FORMATS = { format id: [ { "name": str, "type": str [, "is_nullable": bool] [, …] }, … ], … }
 * It stands after DATA in a body, so rows are decoded before their formats are known, and named afterwards.
 */

/** One field of a space's format, in the server's words. */
export interface FieldFormat {
  readonly name: string
  /** `unsigned`, `string`, `any`, … */
  readonly type: string
  readonly isNullable: boolean
}

/** The formats of one reply, by id. */
export class TupleFormats {
  readonly #formats: ReadonlyMap<number, readonly FieldFormat[]>
  readonly #shapes = new Map<number, RowShape>()

  constructor(formats: ReadonlyMap<number, readonly FieldFormat[]>) {
    this.#formats = formats
  }

  /** From the decoded value under TUPLE_FORMATS. Throws a `ProtocolError` with code `DECODE_FAILED` for another shape. */
  static parse(value: unknown): TupleFormats {
    const formats = new Map<number, readonly FieldFormat[]>()
    for (const [id, fields] of entriesOf(value)) {
      if (typeof id !== 'number' || !Array.isArray(fields)) throw malformed('an id does not stand for an array')
      formats.set(id, fields.map(fieldOf))
    }
    return new TupleFormats(formats)
  }

  /** The fields of a format, in order; undefined if the reply has none of this id. */
  get(id: number): readonly FieldFormat[] | undefined {
    return this.#formats.get(id)
  }

  /**
   * The row by the names of its fields. A field that the row ends before is null, as it is on the server;
   * one beyond the format has its number as its name, counted from 1 as in Lua's `tomap()`.
   * Throws a `ProtocolError` with code `DECODE_FAILED` if the reply lacks the row's format.
   */
  toObject(row: Tuple): Record<string, unknown> {
    return this.shape(row.formatId).from(row.values)
  }

  /** How to make objects of rows of this format; throws like {@link toObject}. */
  shape(id: number): RowShape {
    const known = this.#shapes.get(id)
    if (known !== undefined) return known
    const fields = this.#formats.get(id)
    if (fields === undefined) throw malformed(`the reply lacks the format ${id} of its row`)
    const shape = new RowShape(fields.map(({ name }) => name))
    this.#shapes.set(id, shape)
    return shape
  }
}

/** Maps with integer keys decode to Map; an empty one to a plain object. */
function entriesOf(value: unknown): Iterable<readonly [unknown, unknown]> {
  if (value instanceof Map) return value
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed('they are not a map')
  return Object.entries(value)
}

function fieldOf(field: unknown): FieldFormat {
  if (typeof field !== 'object' || field === null || !('name' in field) || typeof field.name !== 'string') {
    throw malformed('a field has no name')
  }
  return {
    name: field.name,
    type: 'type' in field && typeof field.type === 'string' ? field.type : 'any',
    isNullable: 'is_nullable' in field && field.is_nullable === true,
  }
}

function malformed(what: string): ProtocolError {
  return new ProtocolError('DECODE_FAILED', `The tuple formats of the reply are malformed: ${what}`, {
    retryable: false,
    sent: true,
  })
}

import { UsageError } from '../../errors.ts'
import { Tuple } from './tuple.ts'

/**
 * A row whose fields have names on the server too: as an argument of `call` or `eval` it is a `box.tuple` with that
 * format there. Anywhere else it is written as the array of its values. Server: >= 3.0.
 */
export class NamedTuple extends Tuple {
  readonly names: readonly string[]

  /** One value for each name. The names differ. */
  constructor(names: readonly string[], values: readonly unknown[]) {
    // The request that it travels in gives its format a number.
    super(0, values)
    if (names.length !== values.length) {
      throw new UsageError(
        'INVALID_ARGUMENT',
        `Expected ${names.length} values, one for each name; got ${values.length}`,
      )
    }
    if (new Set(names).size !== names.length || names.includes('')) {
      throw new UsageError('INVALID_ARGUMENT', 'Expected names that differ, and none of them empty')
    }
    this.names = names
  }
}

/** The object's own properties as fields, in the order of `Object.keys`: whole numbers stand before other names. */
export function namedTuple(row: Readonly<Record<string, unknown>>): NamedTuple {
  return new NamedTuple(Object.keys(row), Object.values(row))
}

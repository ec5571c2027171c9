import { MAX_NESTING } from '../nesting.ts'
import type { Reader } from '../reader.ts'
import type { ReadNested } from './codec.ts'

/**
 * Makes objects of rows, all with the same keys in the same order. A field that the row ends before is null,
 * as it is on the server; one beyond the names has its number as its name, counted from 1 as in Lua's `tomap()`.
 */
export class RowShape {
  readonly #names: readonly string[]
  /** A plain store of `__proto__` would change the object's prototype instead of adding a property. */
  readonly #hasProto: boolean

  constructor(names: readonly string[]) {
    this.#names = names
    this.#hasProto = names.includes('__proto__')
  }

  /** The array that begins here, at this depth of the reply, as an object. */
  read(reader: Reader, depth: number, readNested: ReadNested): Record<string, unknown> {
    const names = this.#names
    const size = reader.arraySize()
    if (this.#hasProto || size > names.length || depth >= MAX_NESTING) {
      const values: unknown[] = []
      for (let i = 0; i < size; i++) values.push(readNested(reader, depth + 1))
      return this.from(values)
    }
    const object: Record<string, unknown> = {}
    let at = 0
    for (const name of names) object[name] = at++ < size ? readNested(reader, depth + 1) : null
    return object
  }

  /** A row that is decoded already. */
  from(values: readonly unknown[]): Record<string, unknown> {
    const names = this.#names
    const object: Record<string, unknown> = {}
    for (const [index, name] of names.entries()) put(object, name, values[index] ?? null)
    for (let index = names.length; index < values.length; index++) put(object, String(index + 1), values[index])
    return object
  }
}

function put(object: Record<string, unknown>, name: string, value: unknown): void {
  if (name !== '__proto__') object[name] = value
  else Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true })
}

import { encodeInto } from '../../msgpack/encode.ts'
import type { Writer } from '../../msgpack/writer.ts'
import { Key, RequestType } from '../constants.ts'
import { SpaceRequest } from './space-request.ts'

/*
 * UPDATE body = { space, index, KEY: [part, …], TUPLE: [operation, …] }
 *   operation = [operator, field, argument], or [":", field, position, cut, text]
 * Reply       = { DATA: [the tuple as it is now] }, or { DATA: [] } where there was none
 */

export class UpdateRequest<T> extends SpaceRequest<T | undefined> {
  readonly type: number = RequestType.UPDATE
  readonly #key: readonly unknown[]
  readonly #operations: readonly unknown[]

  constructor(space: number | string, index: number | string, key: readonly unknown[], operations: readonly unknown[]) {
    super(space, index)
    this.#key = key
    this.#operations = operations
  }

  override writeBody(writer: Writer): void {
    writer.byte(0x84)
    this.writeSpace(writer)
    this.writeIndex(writer)
    writer.byte(Key.KEY)
    encodeInto(writer, this.#key, 'key')
    writer.byte(Key.TUPLE)
    encodeInto(writer, this.#operations, 'operations')
  }

  protected override result(data: readonly unknown[]): T | undefined {
    // The caller says what its tuples are.
    return data[0] as T | undefined
  }
}

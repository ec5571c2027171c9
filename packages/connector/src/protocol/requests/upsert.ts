import { encodeInto } from '../../msgpack/encode.ts'
import type { Writer } from '../../msgpack/writer.ts'
import { Key, RequestType } from '../constants.ts'
import { SpaceRequest } from './space-request.ts'

/*
 * UPSERT body = { space, TUPLE: [field, …], OPS: [operation, …] }; operations as of UPDATE
 * Reply       = { DATA: [] }
 */

export class UpsertRequest extends SpaceRequest<undefined> {
  readonly type: number = RequestType.UPSERT
  readonly #tuple: readonly unknown[]
  readonly #operations: readonly unknown[]

  constructor(space: number | string, tuple: readonly unknown[], operations: readonly unknown[]) {
    super(space, 0)
    this.#tuple = tuple
    this.#operations = operations
  }

  override writeBody(writer: Writer): void {
    writer.byte(0x83)
    this.writeSpace(writer)
    writer.byte(Key.TUPLE)
    encodeInto(writer, this.#tuple, 'tuple')
    writer.byte(Key.OPS)
    encodeInto(writer, this.#operations, 'operations')
  }

  protected override result(): undefined {
    return undefined
  }
}

import { encodeInto } from '../../msgpack/encode.ts'
import type { Writer } from '../../msgpack/writer.ts'
import { Key, RequestType } from '../constants.ts'
import { SpaceRequest } from './space-request.ts'

/*
 * DELETE body = { space, index, KEY: [part, …] }
 * Reply       = { DATA: [the tuple that was there] }, or { DATA: [] }
 */

export class DeleteRequest<T> extends SpaceRequest<T | undefined> {
  readonly type: number = RequestType.DELETE
  readonly #key: readonly unknown[]

  constructor(space: number | string, index: number | string, key: readonly unknown[]) {
    super(space, index)
    this.#key = key
  }

  override writeBody(writer: Writer): void {
    writer.byte(0x83)
    this.writeSpace(writer)
    this.writeIndex(writer)
    writer.byte(Key.KEY)
    encodeInto(writer, this.#key, 'key')
  }

  protected override result(data: readonly unknown[]): T | undefined {
    // The caller says what its tuples are.
    return data[0] as T | undefined
  }
}

import { encodeInto } from '../../msgpack/encode.ts'
import type { Writer } from '../../msgpack/writer.ts'
import { Key, RequestType } from '../constants.ts'
import { SpaceRequest } from './space-request.ts'

/*
 * INSERT body, REPLACE body = { space, TUPLE: [field, …] }
 * Reply                     = { DATA: [tuple] }
 */

abstract class StoreRequest<T> extends SpaceRequest<T> {
  readonly #tuple: readonly unknown[]

  constructor(space: number | string, tuple: readonly unknown[]) {
    super(space, 0)
    this.#tuple = tuple
  }

  override writeBody(writer: Writer): void {
    writer.byte(0x82)
    this.writeSpace(writer)
    writer.byte(Key.TUPLE)
    encodeInto(writer, this.#tuple, 'tuple')
  }

  protected override result(data: readonly unknown[]): T {
    // The caller says what its tuples are.
    return data[0] as T
  }
}

export class InsertRequest<T> extends StoreRequest<T> {
  readonly type: number = RequestType.INSERT
}

export class ReplaceRequest<T> extends StoreRequest<T> {
  readonly type: number = RequestType.REPLACE
}

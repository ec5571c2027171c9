import { ServerError } from '../../errors.ts'
import { encodeInto } from '../../msgpack/encode.ts'
import type { LazyField } from '../../msgpack/lazy.ts'
import { writeInteger } from '../../msgpack/numbers.ts'
import type { Writer } from '../../msgpack/writer.ts'
import { Key, RequestType } from '../constants.ts'
import { ErrorNumber, errorCode } from '../error-codes.ts'
import { SpaceRequest } from './space-request.ts'

/*
 * SELECT body = { space, index, LIMIT: uint, OFFSET: uint, ITERATOR: uint, KEY: [part, …] }
 * Reply       = { DATA: [tuple, …] }
 */

export interface Range {
  readonly iterator: number
  readonly limit: number
  readonly offset: number
}

export class SelectRequest extends SpaceRequest {
  readonly type: number = RequestType.SELECT
  readonly #key: readonly unknown[]
  readonly #range: Range

  constructor(
    space: number | string,
    index: number | string,
    key: readonly unknown[],
    range: Range,
    lazy: LazyField | undefined,
  ) {
    super(space, index)
    this.#key = key
    this.#range = range
    this.lazy = lazy
  }

  override writeBody(writer: Writer): void {
    writer.byte(0x86)
    this.writeSpace(writer)
    this.writeIndex(writer)
    writer.byte(Key.LIMIT)
    writeInteger(writer, this.#range.limit)
    writer.byte(Key.OFFSET)
    writeInteger(writer, this.#range.offset)
    writer.byte(Key.ITERATOR)
    writeInteger(writer, this.#range.iterator)
    writer.byte(Key.KEY)
    encodeInto(writer, this.#key, 'key')
  }
}

/** A select of which the caller gets the one tuple, or undefined; its limit is 2, so that a second one is seen. */
export class GetRequest extends SelectRequest {
  protected override result(data: readonly unknown[]): unknown {
    if (data.length > 1) throw moreThanOneTuple()
    return data[0]
  }
}

/** What the server's own `get` says. */
function moreThanOneTuple(): ServerError {
  const number = ErrorNumber.MORE_THAN_ONE_TUPLE
  return new ServerError(errorCode(number), number, "Get() doesn't support partial keys and non-unique indexes", [], false)
}

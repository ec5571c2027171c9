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

export abstract class RangeRequest<R> extends SpaceRequest<R> {
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

export class SelectRequest<T> extends RangeRequest<T[]> {
  protected override result(data: readonly unknown[]): T[] {
    // The caller says what its tuples are.
    return data as T[]
  }
}

/** A select of which the caller gets the one tuple, or undefined; its limit is 2, so that a second one is seen. */
// What the caller gets is told by the type parameter alone, as with the other requests.
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters
export class GetRequest<T> extends RangeRequest<T | undefined> {
  protected override result(data: readonly unknown[]): T | undefined {
    if (data.length > 1) throw moreThanOneTuple()
    // The caller says what its tuples are.
    return data[0] as T | undefined
  }
}

/** What the server's own `get` says. */
function moreThanOneTuple(): ServerError {
  const number = ErrorNumber.MORE_THAN_ONE_TUPLE
  return new ServerError(
    errorCode(number),
    number,
    "Get() doesn't support partial keys and non-unique indexes",
    [],
    false,
  )
}

import { ServerError } from '../../errors.ts'
import { encodeInto, writeText } from '../../msgpack/encode.ts'
import type { LazyField } from '../../msgpack/lazy.ts'
import { writeInteger } from '../../msgpack/numbers.ts'
import type { Reader } from '../../msgpack/reader.ts'
import type { Writer } from '../../msgpack/writer.ts'
import { ITERATORS, Key, RequestType } from '../constants.ts'
import { ErrorNumber, errorCode } from '../error-codes.ts'
import type { Feature } from '../features.ts'
import { readPage, readRows } from '../reply.ts'
import { SpaceRequest } from './space-request.ts'

/*
 * SELECT body = { space, index, LIMIT: uint, OFFSET: uint, ITERATOR: uint, KEY: [part, …]
 *                 [, AFTER_POSITION: str | AFTER_TUPLE: [field, …]] [, FETCH_POSITION: true] }; the last three since 2.11
 * Reply       = { DATA: [tuple, …] [, POSITION: str] }
 */

export interface Range {
  readonly iterator: number
  readonly limit: number
  readonly offset: number
  /** Where to go on: a position that a former select gave, or a tuple. */
  readonly after?: string | readonly unknown[] | undefined
  readonly fetchPosition?: boolean | undefined
}

/** Tuples of a select, and where it has ended. */
export interface Page<T> extends Array<T> {
  /** Of the last tuple, for `after` of the next select; undefined unless `fetchPosition` asked for it, or if nothing was found. */
  position?: string | undefined
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
    const needs = requirementOf(range)
    if (needs !== undefined) this.requires = needs
    if (lazy !== undefined) this.lazy = lazy
  }

  override writeBody(writer: Writer): void {
    const { after, fetchPosition = false } = this.#range
    writer.byte(0x86 + Number(after !== undefined) + Number(fetchPosition))
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
    if (after !== undefined) writeAfter(writer, after)
    if (!fetchPosition) return
    writer.byte(Key.FETCH_POSITION)
    writer.byte(0xc3)
  }
}

function writeAfter(writer: Writer, after: string | readonly unknown[]): void {
  if (typeof after === 'string') {
    writer.byte(Key.AFTER_POSITION)
    writeText(writer, after)
  } else {
    writer.byte(Key.AFTER_TUPLE)
    encodeInto(writer, after, 'after')
  }
}

function requirementOf({ iterator, after, fetchPosition }: Range): Feature | undefined {
  if (iterator >= ITERATORS.np) return 'prefix-iterators'
  return after !== undefined || fetchPosition === true ? 'pagination' : undefined
}

export class SelectRequest<T> extends RangeRequest<Page<T>> {
  readonly #fetchPosition: boolean

  constructor(
    space: number | string,
    index: number | string,
    key: readonly unknown[],
    range: Range,
    lazy: LazyField | undefined,
  ) {
    super(space, index, key, range, lazy)
    this.#fetchPosition = range.fetchPosition === true
  }

  override readReply(reader: Reader, schemaVersion: number): Page<T> {
    if (!this.#fetchPosition) return super.readReply(reader, schemaVersion)
    const { data, position } = this.rows === 'array' ? readPage(reader, this.lazy) : readRows(reader, this.shape)
    const page = this.result(data)
    page.position = position
    return page
  }

  protected override result(data: readonly unknown[]): Page<T> {
    // The caller says what its tuples are.
    return data as Page<T>
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

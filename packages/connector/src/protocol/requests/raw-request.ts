import { encodeInto } from '../../msgpack/encode.ts'
import type { Reader } from '../../msgpack/reader.ts'
import type { Writer } from '../../msgpack/writer.ts'
import { readBody } from '../reply.ts'
import { Request } from '../request.ts'

/*
 * body  = { key: value, … } as the caller gives it
 * Reply = any map
 */

/** A request of any type, for what this package has no method for. */
export class RawRequest extends Request<ReadonlyMap<number, unknown>> {
  readonly type: number
  // Nobody knows what the request does.
  override readonly runsCode: boolean = true
  readonly #body: ReadonlyMap<number, unknown>

  constructor(type: number, body: ReadonlyMap<number, unknown>) {
    super()
    this.type = type
    this.#body = body
  }

  override writeBody(writer: Writer): void {
    encodeInto(writer, this.#body, 'body')
  }

  override readReply(reader: Reader): ReadonlyMap<number, unknown> {
    return readBody(reader)
  }

  protected override result(): ReadonlyMap<number, unknown> {
    return new Map()
  }
}

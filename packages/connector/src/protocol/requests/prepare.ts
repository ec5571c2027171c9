import { ProtocolError } from '../../errors.ts'
import { writeText } from '../../msgpack/encode.ts'
import { writeInteger } from '../../msgpack/numbers.ts'
import type { Reader } from '../../msgpack/reader.ts'
import type { Writer } from '../../msgpack/writer.ts'
import { Key, RequestType } from '../constants.ts'
import { readBody } from '../reply.ts'
import { Request } from '../request.ts'
import { columnsFrom, type SqlColumn } from '../sql-columns.ts'

/*
 * PREPARE body = { SQL_TEXT: str }, or { STMT_ID: uint } to give a statement up
 * Reply        = { STMT_ID: uint, BIND_COUNT: uint, BIND_METADATA: [column, …] [, METADATA: [column, …]] }, or {}
 */

/** A statement that the session knows, until it ends or the schema changes. */
export interface PreparedStatement {
  readonly id: number
  readonly parameters: readonly SqlColumn[]
  readonly metadata: readonly SqlColumn[]
}

export class PrepareRequest extends Request<PreparedStatement> {
  readonly type: number = RequestType.PREPARE
  override readonly isOfSession: boolean = true
  readonly #text: string
  readonly #onWrite: () => void

  /** `onWrite` hears when the request is written, which may be in a later session than it was made in. */
  constructor(text: string, onWrite: () => void) {
    super()
    this.#text = text
    this.#onWrite = onWrite
  }

  override writeBody(writer: Writer): void {
    this.#onWrite()
    writer.byte(0x81)
    writer.byte(Key.SQL_TEXT)
    writeText(writer, this.#text)
  }

  override readReply(reader: Reader): PreparedStatement {
    const body = readBody(reader)
    const id = body.get(Key.STMT_ID)
    if (typeof id !== 'number') {
      const message = 'The reply to PREPARE has no statement id'
      throw new ProtocolError('PROTOCOL_ERROR', message, { retryable: false, sent: true })
    }
    return {
      id,
      parameters: columnsFrom(body.get(Key.BIND_METADATA)),
      metadata: columnsFrom(body.get(Key.METADATA)),
    }
  }

  protected override result(): PreparedStatement {
    return { id: 0, parameters: [], metadata: [] }
  }
}

export class UnprepareRequest extends Request<undefined> {
  readonly type: number = RequestType.PREPARE
  override readonly isOfSession: boolean = true
  readonly #id: () => number

  /** `id` gives the statement's number at the moment that the request is written. */
  constructor(id: () => number) {
    super()
    this.#id = id
  }

  override writeBody(writer: Writer): void {
    const id = this.#id()
    writer.byte(0x81)
    writer.byte(Key.STMT_ID)
    writeInteger(writer, id)
  }

  protected override result(): undefined {
    return undefined
  }
}

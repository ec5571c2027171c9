import { writeText } from '../../msgpack/encode.ts'
import type { Writer } from '../../msgpack/writer.ts'
import { chapSha1 } from '../auth/chap-sha1.ts'
import { Key, RequestType } from '../constants.ts'
import { Request } from '../request.ts'

/*
 * AUTH body = { USER_NAME: str, TUPLE: ["chap-sha1", <scramble, 20 bytes as str>] }
 */

export class AuthRequest extends Request<undefined> {
  readonly type: number = RequestType.AUTH
  readonly #user: string
  readonly #scramble: Buffer

  constructor(user: string, password: string, salt: Uint8Array) {
    super()
    this.#user = user
    this.#scramble = chapSha1(password, salt)
  }

  override writeBody(writer: Writer): void {
    writer.byte(0x82)
    writer.byte(Key.USER_NAME)
    writeText(writer, this.#user)
    writer.byte(Key.TUPLE)
    writer.byte(0x92)
    writeText(writer, 'chap-sha1')
    // A str by its header; the bytes are not text.
    writer.byte(0xa0 | this.#scramble.length)
    writer.bytes(this.#scramble)
  }

  protected override result(): undefined {
    return undefined
  }
}

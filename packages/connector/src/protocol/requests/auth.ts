import { writeText } from '../../msgpack/encode.ts'
import type { Writer } from '../../msgpack/writer.ts'
import { chapSha1 } from '../auth/chap-sha1.ts'
import { Key, RequestType } from '../constants.ts'
import { Request } from '../request.ts'

/*
 * AUTH body = { USER_NAME: str, TUPLE: [method, proof] }
 *   "chap-sha1":  proof = scramble, 20 bytes as str
 *   "pap-sha256": proof = password, as it is: over TLS alone (Enterprise, since 2.11)
 */

export class AuthRequest extends Request<undefined> {
  readonly type: number = RequestType.AUTH
  readonly #user: string
  readonly #method: 'chap-sha1' | 'pap-sha256'
  readonly #proof: string | Buffer

  constructor(user: string, method: 'chap-sha1' | 'pap-sha256', password: string, salt: Uint8Array) {
    super()
    this.#user = user
    this.#method = method
    this.#proof = method === 'chap-sha1' ? chapSha1(password, salt) : password
  }

  override writeBody(writer: Writer): void {
    writer.byte(0x82)
    writer.byte(Key.USER_NAME)
    writeText(writer, this.#user)
    writer.byte(Key.TUPLE)
    writer.byte(0x92)
    writeText(writer, this.#method)
    if (typeof this.#proof === 'string') writeText(writer, this.#proof)
    else {
      // A str by its header; the bytes are not text.
      writer.byte(0xa0 | this.#proof.length)
      writer.bytes(this.#proof)
    }
  }

  protected override result(): undefined {
    return undefined
  }
}

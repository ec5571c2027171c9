import type { Reader } from '../../msgpack/reader.ts'
import { RequestType } from '../constants.ts'
import { Request } from '../request.ts'

/* PING body = nothing */

export class PingRequest extends Request {
  readonly type: number = RequestType.PING

  override writeBody(): void {
    // A ping has no body.
  }

  override readReply(_reader: Reader): undefined {
    return undefined
  }
}

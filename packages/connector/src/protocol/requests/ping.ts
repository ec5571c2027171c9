import { RequestType } from '../constants.ts'
import { Request } from '../request.ts'

/* PING body = nothing */

export class PingRequest extends Request<undefined> {
  readonly type: number = RequestType.PING

  override writeBody(): void {
    // A ping has no body.
  }

  protected override result(): undefined {
    return undefined
  }
}

import { RequestType } from '../constants.ts'
import type { Feature } from '../features.ts'
import { Request } from '../request.ts'

/* ROLLBACK body = nothing; in a stream only */

export class RollbackRequest extends Request<undefined> {
  readonly type: number = RequestType.ROLLBACK
  override readonly requires: Feature | undefined = 'transactions'

  override writeBody(): void {
    // A rollback has no body.
  }

  protected override result(): undefined {
    return undefined
  }
}

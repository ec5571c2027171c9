import type { Writer } from '../../msgpack/writer.ts'
import { RequestType } from '../constants.ts'
import type { Feature } from '../features.ts'
import { Request } from '../request.ts'
import { writeIsSync } from './begin.ts'

/* COMMIT body = { IS_SYNC: true }, or nothing; in a stream only */

export class CommitRequest extends Request<undefined> {
  readonly type: number = RequestType.COMMIT
  override readonly requires: Feature | undefined
  readonly #isSync: boolean

  constructor(isSync: boolean) {
    super()
    this.#isSync = isSync
    this.requires = isSync ? 'is-sync' : 'transactions'
  }

  override writeBody(writer: Writer): void {
    if (!this.#isSync) return
    writer.byte(0x81)
    writeIsSync(writer)
  }

  protected override result(): undefined {
    return undefined
  }
}

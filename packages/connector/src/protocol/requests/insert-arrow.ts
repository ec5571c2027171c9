import { writeExtHeader } from '../../msgpack/ext/header.ts'
import type { Writer } from '../../msgpack/writer.ts'
import { Key, RequestType } from '../constants.ts'
import type { Feature } from '../features.ts'
import { SpaceRequest } from './space-request.ts'

/*
 * INSERT_ARROW body = { space, ARROW: ext 8 with the bytes of an Arrow IPC stream }; since 3.3
 * Reply             = {}
 */

const ARROW_TYPE = 8

export class InsertArrowRequest extends SpaceRequest<undefined> {
  readonly type: number = RequestType.INSERT_ARROW
  override readonly requires: Feature = 'insert-arrow'
  readonly #ipc: Uint8Array

  constructor(space: number | string, ipc: Uint8Array) {
    super(space, 0)
    this.#ipc = ipc
  }

  override writeBody(writer: Writer): void {
    writer.byte(0x82)
    this.writeSpace(writer)
    writer.byte(Key.ARROW)
    writeExtHeader(writer, ARROW_TYPE, this.#ipc.length)
    writer.bytes(this.#ipc)
  }

  protected override result(): undefined {
    return undefined
  }
}

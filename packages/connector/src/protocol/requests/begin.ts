import { writeInteger } from '../../msgpack/numbers.ts'
import type { Writer } from '../../msgpack/writer.ts'
import { Key, RequestType } from '../constants.ts'
import type { Feature } from '../features.ts'
import { Request } from '../request.ts'

/*
 * BEGIN body = { [TIMEOUT: float64] [, TXN_ISOLATION: uint] [, IS_SYNC: true] }, or nothing
 *   in a stream only; the server takes no other MessagePack type for TIMEOUT, and no false for IS_SYNC
 */

/** Isolation levels of a transaction, by the server's numbers; 'linearizable' is since 2.11. */
export const ISOLATION_LEVELS = {
  default: 0,
  'read-committed': 1,
  'read-confirmed': 2,
  'best-effort': 3,
  linearizable: 4,
} as const

export type IsolationLevel = keyof typeof ISOLATION_LEVELS

export interface BeginParts {
  /** Number of the level; undefined for the server's default. */
  readonly isolation: number | undefined
  /** Seconds; undefined for the server's default. */
  readonly timeout: number | undefined
  readonly isSync: boolean
}

export class BeginRequest extends Request<undefined> {
  readonly type: number = RequestType.BEGIN
  override readonly requires: Feature | undefined
  readonly #parts: BeginParts

  constructor(parts: BeginParts) {
    super()
    this.#parts = parts
    this.requires = parts.isSync ? 'is-sync' : 'transactions'
  }

  override writeBody(writer: Writer): void {
    const { isolation, timeout, isSync } = this.#parts
    const size = Number(isolation !== undefined) + Number(timeout !== undefined) + Number(isSync)
    if (size === 0) return
    writer.byte(0x80 | size)
    if (timeout !== undefined) writeTimeout(writer, timeout)
    if (isolation !== undefined) {
      writer.byte(Key.TXN_ISOLATION)
      writeInteger(writer, isolation)
    }
    if (isSync) writeIsSync(writer)
  }

  protected override result(): undefined {
    return undefined
  }
}

/** As a float64 also where the number is whole. */
function writeTimeout(writer: Writer, seconds: number): void {
  writer.byte(Key.TIMEOUT)
  writer.reserve(9)
  writer.byte(0xcb)
  writer.view.setFloat64(writer.length, seconds)
  writer.length += 8
}

export function writeIsSync(writer: Writer): void {
  writer.byte(Key.IS_SYNC)
  writer.byte(0xc3)
}

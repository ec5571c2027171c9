import type { Reader } from '../../msgpack/reader.ts'
import { MAX_UINT32 } from '../constants.ts'
import { readData } from '../reply.ts'
import { RangeRequest } from './select.ts'

const EVERY_EQUAL = { iterator: 0, limit: MAX_UINT32, offset: 0 } as const

/** Rows of a system view, and the schema version that their reply came under. */
export interface SchemaRows {
  readonly rows: readonly unknown[]
  readonly schemaVersion: number
}

/** A select of which the reply's schema version matters as well. */
export class ReadViewRequest extends RangeRequest<SchemaRows> {
  constructor(space: number, index: number, key: readonly unknown[]) {
    super(space, index, key, EVERY_EQUAL, undefined)
  }

  override readReply(reader: Reader, schemaVersion: number): SchemaRows {
    return { ...this.result(readData(reader, undefined)), schemaVersion }
  }

  protected override result(rows: readonly unknown[]): SchemaRows {
    return { rows, schemaVersion: 0 }
  }
}

import { UsageError } from '../errors.ts'
import { beginRequest, endRequest } from '../protocol/header.ts'
import type { Request } from '../protocol/request.ts'
import type { WriteBuffer } from './write-buffer.ts'

/** Encodes requests, one after the other, into a connection's write buffer. */
export class RequestWriter {
  readonly #out: WriteBuffer
  readonly #maxFrameBytes: number
  #isEncoding = false

  constructor(out: WriteBuffer, maxFrameBytes: number) {
    this.#out = out
    this.#maxFrameBytes = maxFrameBytes
  }

  /** Refuses a request that would land in the middle of another one. */
  assertIdle(): void {
    if (!this.#isEncoding) return
    throw new UsageError('ENCODE_FAILED', 'A getter of a value that is being encoded made a request itself')
  }

  /** Throws, with no byte left behind, if the request cannot be encoded. */
  write(request: Request, sync: number): void {
    const { writer } = this.#out
    writer.limit = writer.length + this.#maxFrameBytes
    const start = beginRequest(writer, request.type, sync, request.schemaVersion, request.streamId)
    this.#isEncoding = true
    try {
      request.writeBody(writer)
      endRequest(writer, start, this.#maxFrameBytes)
    } catch (error) {
      writer.length = start
      throw error
    } finally {
      this.#isEncoding = false
    }
  }
}

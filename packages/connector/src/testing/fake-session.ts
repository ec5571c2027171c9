import type { ServerError } from '../errors.ts'
import { encodeInto } from '../msgpack/encode.ts'
import type { ExtensionTable } from '../msgpack/ext/extension.ts'
import { Reader } from '../msgpack/reader.ts'
import { Writer } from '../msgpack/writer.ts'
import { Key, ReplyType } from '../protocol/constants.ts'
import { FrameReader } from '../protocol/frame.ts'
import { readBody } from '../protocol/reply.ts'
import type { Transport, TransportHandlers } from '../transport/transport.ts'

/*
 * Request = size header body, reply = size header body: see protocol/header.ts
 *   header of a reply here = { REQUEST_TYPE: uint, SYNC: uint, SCHEMA_VERSION: uint }
 */

const MAX_REQUEST_BYTES = 2 ** 31
const FIRST_BYTES = 4096
const SCHEMA_VERSION = 1

/** A request's header and body by the keys of IPROTO. */
export interface Packet {
  readonly type: number
  readonly sync: number
  readonly stream: number
  readonly body: ReadonlyMap<number, unknown>
}

/** The server's end of a connection that exists in memory alone. */
export class FakeSession implements Transport {
  readonly #handlers: TransportHandlers
  readonly #onPacket: (packet: Packet, session: FakeSession) => void
  readonly #onEnd: (session: FakeSession) => void
  readonly #extensions: ExtensionTable
  readonly #frames = new FrameReader(MAX_REQUEST_BYTES)
  #ended = false

  constructor(
    handlers: TransportHandlers,
    extensions: ExtensionTable,
    onPacket: (packet: Packet, session: FakeSession) => void,
    onEnd: (session: FakeSession) => void,
  ) {
    this.#handlers = handlers
    this.#extensions = extensions
    this.#onPacket = onPacket
    this.#onEnd = onEnd
  }

  /** From the client. */
  write(bytes: Buffer): boolean {
    this.#frames.push(bytes, () => {
      const packet = this.#readPacket()
      // As over a socket, an answer never comes within the call that has sent the request.
      queueMicrotask(() => {
        if (!this.#ended) this.#onPacket(packet, this)
      })
    })
    return true
  }

  /** From the client. */
  destroy(): void {
    this.end(undefined)
  }

  /** Breaks the connection off, from either side. */
  end(error: Error | undefined): void {
    if (this.#ended) return
    this.#ended = true
    this.#onEnd(this)
    queueMicrotask(() => this.#handlers.closed(error))
  }

  /** Sends bytes as they are: the greeting. */
  deliver(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length && !this.#ended; ) {
      const space = this.#handlers.space()
      const part = bytes.subarray(at, at + space.length)
      space.set(part)
      at += part.length
      this.#handlers.received(part.length)
    }
  }

  reply(sync: number, body: ReadonlyMap<unknown, unknown>): void {
    this.#send(ReplyType.OK, sync, body)
  }

  refuse(sync: number, { number, message, frames }: ServerError): void {
    const stack = frames.map((frame) => new Map(stackFrame(frame).map((value, key) => [key, value])))
    const body = new Map<number, unknown>([
      [Key.ERROR_24, message],
      [Key.ERROR, new Map([[0, stack]])],
    ])
    this.#send(ReplyType.ERROR_BIT | number, sync, body)
  }

  /** Sends what is no reply to a request of its own. */
  push(type: number, body: ReadonlyMap<number, unknown>): void {
    this.#send(type, 0, body)
  }

  #send(type: number, sync: number, body: ReadonlyMap<unknown, unknown>): void {
    if (this.#ended) return
    const header = new Map([
      [Key.REQUEST_TYPE, type],
      [Key.SYNC, sync],
      [Key.SCHEMA_VERSION, SCHEMA_VERSION],
    ])
    const writer = new Writer(FIRST_BYTES, this.#extensions)
    writer.length = 5
    encodeInto(writer, header)
    encodeInto(writer, body)
    writer.buffer[0] = 0xce
    writer.view.setUint32(1, writer.length - 5)
    this.deliver(writer.buffer.subarray(0, writer.length))
  }

  #readPacket(): Packet {
    const reader = new Reader(this.#extensions)
    reader.load(this.#frames.buffer, this.#frames.frameStart, this.#frames.frameEnd)
    const header = readBody(reader)
    return {
      type: Number(header.get(Key.REQUEST_TYPE)),
      sync: Number(header.get(Key.SYNC)),
      stream: Number(header.get(Key.STREAM_ID) ?? 0),
      body: readBody(reader),
    }
  }
}

/** By the numbers of its keys, see msgpack/ext/error-value.ts. */
function stackFrame({ type, file, line, message, errno, number, fields }: ServerError['frames'][number]): unknown[] {
  return [type, file, line, message, errno, number, fields]
}

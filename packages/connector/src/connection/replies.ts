import { ServerError } from '../errors.ts'
import type { ExtensionTable } from '../msgpack/ext/extension.ts'
import { TupleRows } from '../msgpack/ext/tuple-rows.ts'
import { type Int64Form, Reader } from '../msgpack/reader.ts'
import { ReplyType } from '../protocol/constants.ts'
import { ErrorNumber } from '../protocol/error-codes.ts'
import { type KeyEvent, readEvent } from '../protocol/event.ts'
import { ReplyHeader } from '../protocol/header.ts'
import { readData, readError } from '../protocol/reply.ts'
import { surface } from '../util/surface.ts'
import { undecodable } from './failures.ts'
import type { InFlight } from './in-flight.ts'
import type { Pending } from './pending.ts'
import type { Traffic } from './traffic.ts'

/** A request is resent so often after "wrong schema version"; then the error is the caller's. */
const MOST_RESENDS = 10

/** Who hears what a reply says beside its values. */
export interface ReplyObserver {
  /** The server refused the request, unexecuted, because the schema has changed: route it anew. */
  stale(pending: Pending): void
  /** A reply came under another schema than the one before. */
  schemaChanged(version: number): void
  /** A watched key has a value. */
  event(event: KeyEvent): void
}

/** How the user wants values to be decoded. */
export interface Decoding {
  readonly extensions: ExtensionTable
  readonly int64: Int64Form
}

/** Gives each reply to the request that it is for. */
export class Replies {
  /** An error that the server sent to no request in particular: it closes the connection next. */
  farewell: ServerError | undefined
  readonly #inFlight: InFlight
  readonly #traffic: Traffic
  readonly #observer: ReplyObserver
  readonly #reader: Reader
  readonly #header = new ReplyHeader()
  #schemaVersion = 0

  constructor(inFlight: InFlight, traffic: Traffic, observer: ReplyObserver, decoding: Decoding) {
    this.#reader = new Reader(decoding.extensions, decoding.int64)
    this.#reader.rows = new TupleRows()
    this.#inFlight = inFlight
    this.#traffic = traffic
    this.#observer = observer
  }

  /** Handles the frame between `start` and `end`. Throws if its header makes no sense. */
  read(buffer: Buffer, start: number, end: number): void {
    this.#reader.load(buffer, start, end)
    this.#header.read(this.#reader)
    const { type, schemaVersion } = this.#header
    if (schemaVersion !== 0 && schemaVersion !== this.#schemaVersion) {
      this.#schemaVersion = schemaVersion
      this.#observer.schemaChanged(schemaVersion)
    }
    if (type === ReplyType.OK) this.#onReply()
    else if (type === ReplyType.CHUNK) this.#onChunk()
    else if (type === ReplyType.EVENT) this.#observer.event(readEvent(this.#reader))
    else this.#onError(type)
  }

  #onReply(): void {
    const pending = this.#inFlight.take(this.#header.sync)
    if (pending === undefined) this.#traffic.unknownReplies++
    else if (!pending.settled) this.#settle(pending)
  }

  #settle(pending: Pending): void {
    let value: unknown
    try {
      value = pending.request.readReply(this.#reader, this.#header.schemaVersion)
    } catch (error) {
      // The frame's borders are known, so a reply that cannot be decoded harms no other.
      pending.reject(error instanceof ServerError ? error : undecodable(error))
      return
    }
    pending.resolve(value)
  }

  /** A chunk is not the reply: its request stays in the table. */
  #onChunk(): void {
    const pending = this.#inFlight.peek(this.#header.sync)
    const onPush = pending?.request.onPush
    if (pending === undefined || pending.settled || onPush === undefined) {
      this.#traffic.chunksDropped++
      return
    }
    let value: unknown
    try {
      value = readData(this.#reader, undefined)[0]
    } catch (error) {
      pending.abort(undecodable(error))
      return
    }
    try {
      onPush(value)
    } catch (error) {
      surface(error)
    }
  }

  #onError(type: number): void {
    const { sync } = this.#header
    const pending = this.#inFlight.take(sync)
    const error = readError(this.#reader, type, pending?.request.runsCode ?? false)
    if (pending === undefined) {
      if (sync === 0) this.farewell = error
      else this.#traffic.unknownReplies++
      return
    }
    if (pending.settled) return
    const { schemaVersion, streamId } = pending.request
    const isStale = error.number === ErrorNumber.WRONG_SCHEMA_VERSION && schemaVersion !== 0
    // In a stream it might be executed out of order, or after the transaction that it was meant for.
    if (isStale && streamId === 0 && pending.resends++ < MOST_RESENDS) this.#observer.stale(pending)
    else pending.reject(error)
  }
}

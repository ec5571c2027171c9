import { type ErrorFrame, UsageError } from '../../errors.ts'
import type { ExtCodec } from './codec.ts'
import { beginExt, endExt } from './header.ts'

/*
 * payload = { 0: [frame, …] }, the outermost error first; an error reply has the same map under its key ERROR
 *   frame = { 0: type, 1: file, 2: line, 3: message, 4: errno, 5: number [, 6: fields map] }
 */

const TYPE = 3

const FrameKey = { TYPE: 0, FILE: 1, LINE: 2, MESSAGE: 3, ERRNO: 4, NUMBER: 5, FIELDS: 6 } as const

/**
 * A server's error that came as a value, in a tuple or a result, rather than as the failure of a request.
 * It is not an `Error`: nothing was thrown. Server: >= 2.10; an older one sends the error's text.
 */
export class ErrorValue {
  /** The error itself, then the one that caused it, and so on. */
  readonly frames: readonly ErrorFrame[]

  /** Throws a `UsageError` if there is no frame. */
  constructor(frames: readonly ErrorFrame[]) {
    if (frames.length === 0) {
      throw new UsageError('INVALID_ARGUMENT', 'Expected `frames` to have at least one frame')
    }
    this.frames = [...frames]
  }

  /** The server's class of the error: `ClientError`, `CustomError` with its own name in `fields.custom_type`, … */
  get type(): string {
    return this.frames[0]?.type ?? ''
  }

  get message(): string {
    return this.frames[0]?.message ?? ''
  }

  /** The server's number for the error, 3 for `ER_TUPLE_FOUND`. */
  get number(): number {
    return this.frames[0]?.number ?? 0
  }

  toString(): string {
    return `${this.type}: ${this.message}`
  }
}

/** The frames of a decoded error map; none if it is not one. What is missing or of another type is empty or 0. */
export function framesOf(error: unknown): ErrorFrame[] {
  const stack = field(error, 0)
  return Array.isArray(stack) ? stack.map(frameOf) : []
}

function frameOf(frame: unknown): ErrorFrame {
  return {
    type: asText(field(frame, FrameKey.TYPE)),
    file: asText(field(frame, FrameKey.FILE)),
    line: asNumber(field(frame, FrameKey.LINE)),
    message: asText(field(frame, FrameKey.MESSAGE)),
    errno: asNumber(field(frame, FrameKey.ERRNO)),
    number: asNumber(field(frame, FrameKey.NUMBER)),
    fields: asFields(field(frame, FrameKey.FIELDS)),
  }
}

/** Maps with integer keys decode to Map. */
function field(map: unknown, key: number): unknown {
  return map instanceof Map ? map.get(key) : undefined
}

/** Text of an error; it may hold bytes that are no UTF-8, such as a key. */
export function asText(value: unknown): string {
  if (typeof value === 'string') return value
  return Buffer.isBuffer(value) ? value.toString('latin1') : ''
}

function asNumber(value: unknown): number {
  return typeof value === 'number' ? value : 0
}

function asFields(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || value instanceof Map) return {}
  return { ...value }
}

/** `fields` as the map's value, or nothing to write. In the server's order, so that bytes come back as they were. */
function frameEntries(frame: ErrorFrame): readonly (readonly [key: number, value: unknown])[] {
  const entries: [number, unknown][] = [
    [FrameKey.TYPE, frame.type],
    [FrameKey.LINE, frame.line],
    [FrameKey.FILE, frame.file],
    [FrameKey.MESSAGE, frame.message],
    [FrameKey.ERRNO, frame.errno],
    [FrameKey.NUMBER, frame.number],
  ]
  if (Object.keys(frame.fields).length > 0) entries.push([FrameKey.FIELDS, frame.fields])
  return entries
}

export const errorCodec: ExtCodec<ErrorValue> = {
  type: TYPE,
  name: 'an error',
  class: ErrorValue,

  read(reader, depth, readNested) {
    return new ErrorValue(framesOf(readNested(reader, depth)))
  },

  write(writer, value, depth, writeNested) {
    const start = beginExt(writer)
    writer.byte(0x81)
    writer.byte(0)
    writeNested(
      writer,
      value.frames.map((frame) => new Map(frameEntries(frame))),
      depth,
    )
    endExt(writer, start, TYPE)
  },
}

import { writeText } from '../../msgpack/encode.ts'
import type { RowShape } from '../../msgpack/ext/row-shape.ts'
import { writeInteger } from '../../msgpack/numbers.ts'
import type { Writer } from '../../msgpack/writer.ts'
import { Key } from '../constants.ts'
import { Request } from '../request.ts'

/** What a schema knows about a name: the number that servers below 3.0 want instead. */
export interface ResolvedTarget {
  readonly space: number
  readonly index: number
  readonly schemaVersion: number
  /** Of the space's format, if that was asked for. */
  readonly shape: RowShape | undefined
}

/**
 * A request to a space, and to an index of it, each by number or by name. Whoever sends it says first what
 * goes out: numbers from the schema (`useNumbers`), or the names themselves (`useNames`, since 3.0).
 */
export abstract class SpaceRequest<R = unknown> extends Request<R> {
  /** As the caller gave them. */
  readonly space: number | string
  readonly index: number | string
  #sentSpace: number | string
  #sentIndex: number | string

  constructor(space: number | string, index: number | string) {
    super()
    this.space = space
    this.index = index
    this.#sentSpace = space
    this.#sentIndex = index
  }

  /** Whether a name is in it, so that something has to be decided before it is sent. */
  get isByName(): boolean {
    return typeof this.space === 'string' || typeof this.index === 'string'
  }

  /** Whether the space's format has to be known, unless the reply brings it. */
  get needsShape(): boolean {
    return this.rows === 'object'
  }

  useNames(): void {
    this.#sentSpace = this.space
    this.#sentIndex = this.index
    this.schemaVersion = 0
    this.shape = undefined
  }

  useNumbers(target: ResolvedTarget): void {
    this.#sentSpace = target.space
    this.#sentIndex = target.index
    this.schemaVersion = target.schemaVersion
    this.shape = target.shape
  }

  protected writeSpace(writer: Writer): void {
    writeNumberOrName(writer, Key.SPACE_ID, Key.SPACE_NAME, this.#sentSpace)
  }

  protected writeIndex(writer: Writer): void {
    writeNumberOrName(writer, Key.INDEX_ID, Key.INDEX_NAME, this.#sentIndex)
  }
}

function writeNumberOrName(writer: Writer, numberKey: number, nameKey: number, value: number | string): void {
  if (typeof value === 'number') {
    writer.byte(numberKey)
    writeInteger(writer, value)
  } else {
    writer.byte(nameKey)
    writeText(writer, value)
  }
}

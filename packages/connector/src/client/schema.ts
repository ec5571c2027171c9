import { ServerError } from '../errors.ts'
import type { RowShape } from '../msgpack/ext/row-shape.ts'
import { ErrorNumber, errorCode } from '../protocol/error-codes.ts'
import type { SchemaRows } from '../protocol/requests/read-view.ts'
import type { ResolvedTarget, SpaceRequest } from '../protocol/requests/space-request.ts'
import { shapeOf, VINDEX, VINDEX_BY_SPACE, VSPACE, vspaceKey } from './system-views.ts'

/** If the schema keeps changing between the two reads, give up after so many tries. */
const MOST_TRIES = 10

export type ReadView = (space: number, index: number, key: readonly unknown[]) => Promise<SchemaRows>

interface SpaceInfo {
  readonly id: number
  readonly indexes: ReadonlyMap<string, number>
  /** Under which all of it was read. */
  readonly schemaVersion: number
  /** Of its format; undefined if it was looked up for its indexes alone. */
  readonly shape: RowShape | undefined
}

/**
 * Space and index names to numbers, for servers below 3.0 (later ones take names). A request carries the schema
 * version that its numbers were read under, so a space that was dropped and made anew under another number is
 * never hit by mistake: the server refuses (error 109), and the name is looked up again.
 */
export class Schema {
  readonly #read: ReadView
  readonly #spaces = new Map<number | string, SpaceInfo>()
  /** One look-up per space at a time, however many requests wait for it. */
  readonly #lookups = new Map<number | string, Promise<void>>()

  constructor(read: ReadView) {
    this.#read = read
  }

  /** The schema has changed, or this is another session and perhaps another server. */
  forget(): void {
    this.#spaces.clear()
  }

  /** The numbers of a request's names, or undefined if the space has to be looked up first. Throws if there is no such index. */
  resolve(request: SpaceRequest): ResolvedTarget | undefined {
    const { space, index } = request
    const info = this.#spaces.get(space)
    if (info === undefined) return undefined
    if (request.needsShape && info.shape === undefined) return undefined
    const indexId = typeof index === 'number' ? index : info.indexes.get(index)
    if (indexId === undefined) throw noSuchIndex(index, space)
    return { space: info.id, index: indexId, schemaVersion: info.schemaVersion, shape: info.shape }
  }

  /**
   * Looks a space up; rejects if it does not exist. The format of one that is given by number is read if
   * `withShape` says so, unless a look-up without it runs already: then ask again after it.
   */
  lookUp(space: number | string, withShape: boolean): Promise<void> {
    const running = this.#lookups.get(space)
    if (running !== undefined) return running
    const lookup = this.#fetch(space, withShape).finally(() => this.#lookups.delete(space))
    this.#lookups.set(space, lookup)
    return lookup
  }

  /** Resolves when the look-ups that run now have ended, well or not. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#lookups.values())
  }

  async #fetch(space: number | string, withShape: boolean): Promise<void> {
    let id = typeof space === 'number' ? space : undefined
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const isNeeded = withShape || typeof space === 'string'
      const reading = isNeeded ? this.#read(VSPACE, ...vspaceKey(space)) : undefined
      // From the second try on both reads leave together, so that a change has little time to come between.
      id ??= numberAt((await reading)?.rows[0], 0)
      if (id === undefined) throw noSuchSpace(space)
      const [spaces, indexes] = await Promise.all([reading, this.#read(VINDEX, VINDEX_BY_SPACE, [id])])
      const { rows, schemaVersion } = indexes
      const found = spaces === undefined ? id : numberAt(spaces.rows[0], 0)
      if (found === undefined) throw noSuchSpace(space)
      // What was read under two versions, or for another number, may not belong together.
      if (found === id && (spaces === undefined || spaces.schemaVersion === schemaVersion)) {
        const shape = spaces === undefined ? undefined : shapeOf(spaces.rows[0])
        this.#spaces.set(space, { id, indexes: indexesByName(rows), schemaVersion, shape })
        return
      }
      id = found
    }
    throw new ServerError(
      errorCode(ErrorNumber.WRONG_SCHEMA_VERSION),
      ErrorNumber.WRONG_SCHEMA_VERSION,
      `The schema changed ${MOST_TRIES} times while space '${space}' was looked up`,
      [],
      true,
      false,
    )
  }
}

/** Rows of _vindex are [space id, index id, name, …]. */
function indexesByName(rows: readonly unknown[]): ReadonlyMap<string, number> {
  const indexes = new Map<string, number>()
  for (const row of rows) {
    const id = numberAt(row, 1)
    const name: unknown = Array.isArray(row) ? row[2] : undefined
    if (id !== undefined && typeof name === 'string') indexes.set(name, id)
  }
  return indexes
}

function numberAt(row: unknown, index: number): number | undefined {
  const value: unknown = Array.isArray(row) ? row[index] : undefined
  return typeof value === 'number' ? value : undefined
}

function noSuchSpace(space: number | string): ServerError {
  const message = `Space '${space}' does not exist, or the user may not see it`
  return new ServerError(errorCode(ErrorNumber.NO_SUCH_SPACE), ErrorNumber.NO_SUCH_SPACE, message, [], false, false)
}

function noSuchIndex(index: number | string, space: number | string): ServerError {
  const message = `No index '${index}' is defined in space '${space}'`
  return new ServerError(
    errorCode(ErrorNumber.NO_SUCH_INDEX_NAME),
    ErrorNumber.NO_SUCH_INDEX_NAME,
    message,
    [],
    false,
    false,
  )
}

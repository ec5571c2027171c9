import { type ConnectorErrorCode, ServerError, TarantellaError } from '../errors.ts'
import { encode } from '../msgpack/encode.ts'
import type { RowShape } from '../msgpack/ext/row-shape.ts'
import type { Iterator } from '../protocol/constants.ts'
import { ErrorNumber, errorCode } from '../protocol/error-codes.ts'
import type { SpaceName } from './arguments.ts'
import { type IndexInfo, indexFrom } from './index-parts.ts'
import type { IterateOptions, SelectPage } from './request-options.ts'
import { shapeOf, VINDEX, VINDEX_BY_SPACE, VSPACE, vspaceKey } from './system-views.ts'

/** Which way an iterator walks, and whether it stays with tuples that begin with its key. */
const WAYS: Partial<Record<Iterator, { readonly next: Iterator; readonly isEqual: boolean }>> = {
  all: { next: 'gt', isEqual: false },
  ge: { next: 'gt', isEqual: false },
  gt: { next: 'gt', isEqual: false },
  eq: { next: 'gt', isEqual: true },
  le: { next: 'lt', isEqual: false },
  lt: { next: 'lt', isEqual: false },
  req: { next: 'lt', isEqual: true },
}

/** Types whose values are equal if and only if their MessagePack is. */
const COMPARABLE: ReadonlySet<string> = new Set(['unsigned', 'integer', 'string', 'boolean', 'uuid', 'varbinary'])

/**
 * Pages for servers without positions (< 2.11): the next page begins behind the key of the last tuple. That needs
 * an index in which the key says which tuple it was: a unique tree whose parts are plain fields and never null.
 */
export class KeyPages {
  readonly #select: SelectPage
  readonly #space: SpaceName
  readonly #index: IndexInfo
  readonly #shape: RowShape
  readonly #key: readonly unknown[]
  readonly #options: IterateOptions
  readonly #first: Iterator
  readonly #next: Iterator
  /** Whether a page may go on behind the tuples that begin with the key. */
  readonly #isEqual: boolean
  #last: readonly unknown[] | undefined
  /** Whether nothing can follow. */
  isOver = false

  /** Use {@link KeyPages.open}. */
  constructor(
    select: SelectPage,
    space: SpaceName,
    index: IndexInfo,
    shape: RowShape,
    key: readonly unknown[],
    options: IterateOptions,
  ) {
    this.#select = select
    this.#space = space
    this.#index = index
    this.#shape = shape
    this.#key = key
    this.#options = options
    this.#first = options.iterator ?? (key.length === 0 ? 'all' : 'eq')
    const way = WAYS[this.#first]
    if (way === undefined) throw unfit(index, `it is walked by '${this.#first}'`)
    this.#next = way.next
    this.#isEqual = way.isEqual && key.length > 0
    assertFit(index, this.#isEqual ? key.length : 0)
    if (typeof options.after === 'string') throw unfit(index, '`after` is a position')
    this.#last = options.after
  }

  /** Reads from the schema what the index is made of. Rejects with `UNSUPPORTED` if it will not do. */
  static async open(
    select: SelectPage,
    space: SpaceName,
    key: readonly unknown[],
    options: IterateOptions,
  ): Promise<KeyPages> {
    const { timeoutMs, signal, index = 0 } = options
    const limits = { timeoutMs, signal, idempotent: true }
    const [vspaceIndex, vspaceParts] = vspaceKey(space)
    const [spaceRow] = await select<unknown[]>(VSPACE, vspaceParts, { ...limits, index: vspaceIndex })
    if (spaceRow === undefined) throw missing(ErrorNumber.NO_SUCH_SPACE, `Space '${space}' does not exist`)
    const rows = await select<unknown[]>(VINDEX, [spaceRow[0]], { ...limits, index: VINDEX_BY_SPACE })
    const info = rows.map(indexFrom).find((found) => found?.id === index || found?.name === index)
    if (info === undefined) {
      throw missing(ErrorNumber.NO_SUCH_INDEX_NAME, `No index '${index}' is defined in space '${space}'`)
    }
    return new KeyPages(select, space, info, shapeOf(spaceRow), key, options)
  }

  /** At most so many more tuples. */
  async next<T>(limit: number): Promise<T[]> {
    const { timeoutMs, signal, lane, idempotent } = this.#options
    const isFirst = this.#last === undefined
    const key = this.#last === undefined ? this.#key : this.#keyOf(this.#last)
    const iterator = isFirst ? this.#first : this.#next
    const request = { timeoutMs, signal, lane, idempotent, index: this.#index.id, iterator, limit }
    const page = await this.#select<unknown[]>(this.#space, key, request)
    const rows = this.#isEqual && !isFirst ? this.#whileEqual(page) : page
    this.#last = rows.at(-1)
    this.isOver = rows.length < limit || (this.#isEqual && this.#key.length === this.#index.parts.length)
    // The caller says what its tuples are.
    return (this.#options.rows === 'object' ? rows.map((row) => this.#shape.from(row)) : rows) as T[]
  }

  #keyOf(tuple: readonly unknown[]): readonly unknown[] {
    const key = this.#index.parts.map(({ field }) => tuple[field])
    if (key.some((part, at) => isAltered(this.#index.parts[at]?.type, part))) {
      throw unfit(this.#index, 'the option `int64` has made something else of an integer of its key')
    }
    return key
  }

  #whileEqual(page: readonly unknown[][]): unknown[][] {
    const rows: unknown[][] = []
    for (const row of page) {
      const key = this.#keyOf(row)
      if (!this.#key.every((part, at) => encode(part).equals(encode(key[at])))) break
      rows.push(row)
    }
    return rows
  }
}

/** Whether an integer was rounded or made a text, and so says no more which tuple it was. */
function isAltered(type: string | undefined, part: unknown): boolean {
  const isInteger = type === 'unsigned' || type === 'integer'
  if (typeof part === 'number') return isInteger && !Number.isSafeInteger(part)
  return typeof part === 'string' && (isInteger || type === 'number')
}

/** `compared`: so many parts of the key are compared here, not by the server. */
function assertFit(index: IndexInfo, compared: number): void {
  const { type, isUnique, isFunctional, parts } = index
  if (type !== 'TREE') throw unfit(index, `it is a ${type}, not a TREE`)
  if (!isUnique) throw unfit(index, 'it is not unique')
  if (isFunctional) throw unfit(index, 'it is functional')
  if (parts.some(({ isNullable }) => isNullable)) throw unfit(index, 'a part of it may be null')
  if (parts.some(({ hasPath }) => hasPath)) throw unfit(index, 'a part of it has a path')
  const isComparable = parts.slice(0, compared).every((part) => !part.hasCollation && COMPARABLE.has(part.type))
  // A whole key of a unique index finds one tuple at most, so nothing is compared.
  if (!isComparable && compared < parts.length) throw unfit(index, 'its parts can be compared by the server alone')
}

function unfit({ name }: IndexInfo, why: string): TarantellaError<ConnectorErrorCode> {
  const message = `Index '${name}' cannot be paged without the feature \`pagination\`, which Tarantool has since 2.11: ${why}`
  return new TarantellaError('UNSUPPORTED', message, { retryable: false, sent: false })
}

/** What the server would say. */
function missing(number: number, message: string): ServerError {
  return new ServerError(errorCode(number), number, message, [], false, false)
}

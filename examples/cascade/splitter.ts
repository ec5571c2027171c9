import type { Client } from '@tarantella/connector'
import type { Placement } from '@tarantella/queue/servers'
import { keyOfPiece, keyOfPush, type Page, type Piece, type Push, type Range } from './messages.ts'

export interface SplitterOptions {
  readonly pieces: Placement<Piece>
  readonly pushes: Placement<Push>
  readonly leaf: number
  readonly fanOut: number
  /** Called with half of a range's children stored. */
  readonly onHalf: () => Promise<void>
}

/** Turns a piece into smaller ones, or into one push a user. What it does may be done again: all of it has keys. */
export class Splitter {
  readonly #options: SplitterOptions

  constructor(options: SplitterOptions) {
    this.#options = options
  }

  /** @param tnt the server that has the piece: its copy of the user base is read */
  async split(piece: Piece, tnt: Client): Promise<void> {
    if (piece.kind === 'page') await this.#splitPage(piece, tnt)
    else if (piece.to - piece.from < this.#options.leaf) await this.#pushRange(piece, tnt)
    else await this.#splitRange(piece, tnt)
  }

  /** By arithmetic, and never by what is there: made again, the children are the same. Empty ones are left out. */
  async #splitRange(range: Range, tnt: Client): Promise<void> {
    const width = Math.ceil((range.to - range.from + 1) / this.#options.fanOut)
    const children = Array.from({ length: this.#options.fanOut }, (_, i): Range => {
      const from = range.from + i * width
      return { ...range, from, to: Math.min(from + width - 1, range.to) }
    })
    const firsts = await Promise.all(children.map((child) => this.#idsFrom(child, tnt, 1)))
    const filled = children.filter((_, i) => firsts[i]?.length === 1)
    const half = Math.ceil(filled.length / 2)
    await this.#putAll(filled.slice(0, half))
    await this.#options.onHalf()
    await this.#putAll(filled.slice(half))
  }

  async #pushRange(range: Range, tnt: Client): Promise<void> {
    await this.#pushAll(range, await this.#idsFrom(range, tnt, this.#options.leaf))
  }

  /** Names have no middle: the next page begins where this one ends. It is stored first, so that it is on its way. */
  async #splitPage(page: Page, tnt: Client): Promise<void> {
    const { leaf } = this.#options
    const rows = await tnt.select<[string]>('named', [page.after], { iterator: 'gt', limit: leaf + 1 })
    const names = rows.slice(0, leaf).map(([name]) => name)
    const last = names.at(-1)
    if (last !== undefined && rows.length > leaf) await this.#putAll([{ ...page, after: last }])
    await this.#pushAll(page, names)
  }

  /** The first numbers of the range that are there. */
  async #idsFrom({ from, to }: Range, tnt: Client, limit: number): Promise<number[]> {
    const rows = await tnt.select<[number]>('numbered', [from], { iterator: 'ge', limit })
    return rows.map(([id]) => id).filter((id) => id <= to)
  }

  /** The server is chosen by the key, for a piece is dropped as a repeat only where its twin is. */
  async #putAll(pieces: readonly Piece[]): Promise<void> {
    await Promise.all(
      pieces.map(async (piece) => {
        const key = keyOfPiece(piece)
        await this.#options.pieces.putFor(key, piece, { key, among: piece.among })
      }),
    )
  }

  async #pushAll({ mailing, among }: Piece, users: readonly (number | string)[]): Promise<void> {
    await Promise.all(
      users.map(async (user) => {
        const key = keyOfPush({ mailing, user })
        await this.#options.pushes.putFor(key, { mailing, among, user }, { key, among })
      }),
    )
  }
}

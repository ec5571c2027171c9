/** What all messages of a mailing carry. */
interface OfMailing {
  readonly mailing: string
  /** The servers at its start, so that one that comes or goes meanwhile moves nobody. */
  readonly among: readonly string[]
}

/** Users with the numbers `from` to `to`, both included. */
export interface Range extends OfMailing {
  readonly kind: 'range'
  readonly from: number
  readonly to: number
}

/** Users whose names come after this one, the first hundred or so. */
export interface Page extends OfMailing {
  readonly kind: 'page'
  /** `''` is before all. */
  readonly after: string
}

/** In the tube `pieces`. */
export type Piece = Range | Page

/** In the tube `pushes`. */
export interface Push extends OfMailing {
  readonly user: number | string
}

/** Follows from what the piece is, so that a piece which is made again has the key it had. */
export function keyOfPiece(piece: Piece): string {
  const what = piece.kind === 'range' ? `${piece.from}-${piece.to}` : `after ${piece.after}`
  return `${piece.mailing}:${what}`
}

/** Two users that look alike, `7` and `'7'`, are two users. */
export function keyOfPush({ mailing, user }: Pick<Push, 'mailing' | 'user'>): string {
  return `${mailing}:${JSON.stringify(user)}`
}

/** What a worker is started with, as JSON. */
export interface WorkerConfig {
  /** Name → URI. */
  readonly servers: Readonly<Record<string, string>>
  /** Users of a piece that is not split any more. */
  readonly leaf: number
  /** Pieces that one is split into. */
  readonly fanOut: number
  /** Of the ranges that it splits, the one at which it stops in the middle, to be killed; none if 0. */
  readonly stopAt: number
}

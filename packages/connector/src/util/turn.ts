/** A point in time, in milliseconds of `performance.now()`. */
export interface Moment {
  readonly atMs: number
}

let current: Moment | undefined

/**
 * The turn of the event loop, which all requests made in it share as the time of their call: the clock is read
 * twice a turn instead of once a request (select without a socket: 0.99 us instead of 1.12). It is the turn's
 * end once that has come, so that a turn that takes long makes no deadline earlier.
 */
export function thisTurn(): Moment {
  current ??= begin()
  return current
}

function begin(): Moment {
  const turn = { atMs: performance.now() }
  process.nextTick(() => {
    turn.atMs = performance.now()
    current = undefined
  })
  return turn
}

/** What is passed from server to server. `B` is what the next batch is found by, as the last id of the one before. */
export interface Baton<B> {
  readonly mailing: string
  /** How many batons of this mailing came before. */
  readonly hop: number
  readonly data: B
  /** Empty for the batons of the first one; those that descend from a baton that was issued again have its name. */
  readonly branch: string
  /** The hop of the first baton of its branch. */
  readonly born: number
  /** When it was put, ms since 1970, by the clock of whoever put it. */
  readonly at: number
}

/** What a server keeps of a mailing: the last baton it has handled, and what it has passed on or is about to. */
export interface Trace<B> {
  readonly mailing: string
  readonly hop: number
  readonly branch: string
  readonly born: number
  /** `null`: that baton was the last. */
  readonly next: Baton<B> | null
}

/** One task for each baton of a mailing in a server's tube, whoever puts it, and however often. */
export function batonKey({ mailing, hop }: Pick<Baton<unknown>, 'mailing' | 'hop'>): string {
  return `${mailing}:${hop}`
}

/**
 * Whether the mailing goes on, or has ended, without this baton: a server has seen a later one, or has seen
 * one of an older branch since the baton's own branch began. Of two branches that are both alive the
 * younger one ends by that, for the older one never does.
 */
export function isStale(baton: Baton<unknown>, traces: readonly Trace<unknown>[]): boolean {
  return traces.some((trace) => {
    if (trace.next === null || trace.hop > baton.hop) return true
    return trace.branch !== baton.branch && trace.hop >= baton.born && isOlder(trace, baton)
  })
}

/** Of two branches that began at one hop the one whose name sorts first counts as older. */
function isOlder(a: Pick<Baton<unknown>, 'born' | 'branch'>, b: Pick<Baton<unknown>, 'born' | 'branch'>): boolean {
  return a.born < b.born || (a.born === b.born && a.branch < b.branch)
}

/** The baton as the first of a new branch: it may be there a second time. */
export function branchOf<B>(baton: Baton<B>, name: string): Baton<B> {
  return { ...baton, branch: name, born: baton.hop }
}

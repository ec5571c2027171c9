import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Baton, branchOf, isStale, type Trace } from '../src/servers/baton.ts'
import { rendezvous } from '../src/servers/rendezvous.ts'

const keys = Array.from({ length: 3000 }, (_, i) => `user:${i}`)
const owner = (key: string, names: readonly string[]): string | undefined => rendezvous(key, names)[0]

describe('rendezvous', () => {
  test('gives each server its share, whatever the order of the names', () => {
    const names = ['a', 'b', 'c', 'd']
    for (const name of names) {
      const share = keys.filter((key) => owner(key, names) === name).length
      expect(share).toBeGreaterThan(keys.length / 4 - 150)
      expect(share).toBeLessThan(keys.length / 4 + 150)
    }
    for (const key of keys) expect(owner(key, ['d', 'b', 'a', 'c'])).toBe(owner(key, names))
  })

  test('requirement 17: a server that goes moves its own keys only', () => {
    for (const key of keys) {
      const before = owner(key, ['a', 'b', 'c', 'd'])
      const after = owner(key, ['a', 'b', 'c'])
      if (before === 'd') expect(after).not.toBe('d')
      else expect(after).toBe(before)
    }
  })

  test('is the same today and tomorrow', () => {
    const order = ['u1', 'u2', 'Zoë'].map((key) => rendezvous(key, ['a', 'b', 'c']).join(''))
    expect(order).toEqual(['cab', 'cba', 'acb'])
  })
})

const BATON: Baton<number> = { mailing: 'm', hop: 5, data: 50, branch: '', born: 0, at: 0 }
const traceOf = (baton: Baton<number>, changes: Partial<Trace<number>> = {}): Trace<number> => {
  const { mailing, hop, branch, born } = baton
  return { mailing, hop, branch, born, next: { ...baton, hop: hop + 1 }, ...changes }
}

describe('a baton', () => {
  test.each<[string, Baton<number>, Trace<number>, boolean]>([
    ['lives when the others have seen the one before it', BATON, traceOf({ ...BATON, hop: 4 }), false],
    ['lives when its own step is repeated', BATON, traceOf(BATON), false],
    ['is stale when a later one was seen', BATON, traceOf({ ...BATON, hop: 6 }), true],
    ['is stale when the mailing has ended', BATON, traceOf({ ...BATON, hop: 2 }, { next: null }), true],
    ['of a branch lives when the old ones ended before it', branchOf(BATON, 'x'), traceOf({ ...BATON, hop: 4 }), false],
    ['of a branch is stale when an old one lives', branchOf(BATON, 'x'), traceOf(BATON), true],
    ['lives when a branch has come as far as it', BATON, traceOf(branchOf(BATON, 'x')), false],
    ['of the first branch lives beside the second', branchOf(BATON, 'x'), traceOf(branchOf(BATON, 'y')), false],
    ['of the second branch is stale beside the first', branchOf(BATON, 'y'), traceOf(branchOf(BATON, 'x')), true],
  ])('%s', (_name, baton, trace, stale) => {
    expect(isStale(baton, [trace])).toBe(stale)
  })

  // Requirement 12: a baton that is there twice is found on its next rounds, and one of the two goes on.
  test('that is there twice is there once in the end, for any number of servers, distance and pace', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 6 }),
        fc.integer({ min: 0, max: 5 }),
        fc.integer({ min: 0, max: 5 }),
        fc.array(fc.boolean(), { minLength: 60, maxLength: 60 }),
        (count, at, otherAt, turns) => {
          const traces = new Map<number, Trace<number>>()
          const chains = [
            { baton: BATON, server: at % count, isAlive: true },
            { baton: branchOf(BATON, 'x'), server: otherAt % count, isAlive: true },
          ]
          for (const turn of turns) {
            const chain = chains[turn ? 1 : 0]
            if (chain === undefined || !chain.isAlive) continue
            const mine = traces.get(chain.server)
            const seen = chain.baton.branch === '' ? (mine === undefined ? [] : [mine]) : [...traces.values()]
            chain.isAlive = !isStale(chain.baton, seen)
            if (!chain.isAlive) continue
            traces.set(chain.server, traceOf(chain.baton))
            chain.baton = { ...chain.baton, hop: chain.baton.hop + 1 }
            chain.server = (chain.server + 1) % count
          }
          const steps = turns.filter(Boolean).length
          expect(chains.some(({ isAlive }) => isAlive)).toBe(true)
          // Both had their turns.
          if (steps > 15 && steps < 45) expect(chains.filter(({ isAlive }) => isAlive)).toHaveLength(1)
        },
      ),
    )
  })
})

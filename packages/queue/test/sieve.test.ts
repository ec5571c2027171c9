import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Sieve } from '../src/writer/sieve.ts'

const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

interface Sifted {
  readonly stored: Set<number>
  readonly condemned: Set<number>
  readonly calls: number[][]
}

/** Sends pieces to a store that refuses those with a poisoned entry, and any when `isDown` says so. */
function sift(sieve: Sieve<number>, poisoned: ReadonlySet<number>, isDown: (call: number) => boolean): Sifted {
  const stored = new Set<number>()
  const condemned = new Set<number>()
  const calls: number[][] = []
  while (sieve.size > 0 && calls.length < 20_000) {
    const piece = sieve.next()
    const isOk = !isDown(calls.length) && !piece.some((entry) => poisoned.has(entry))
    calls.push(piece)
    if (isOk) {
      for (const entry of piece) stored.add(entry)
      sieve.succeeded(piece)
      continue
    }
    const guilty = sieve.failed(piece)
    if (guilty !== undefined) condemned.add(guilty)
    // What has failed alone is condemned only by what others have shown: a probe does it when all are gone.
    if (sieve.size <= poisoned.size && !isDown(calls.length)) sieve.proved()
  }
  return { stored, condemned, calls }
}

test('requirement 25: a poisoned entry is found by halves, and the others are stored once', () => {
  const sieve = new Sieve<number>(64, 1)
  for (const entry of numbers(64)) sieve.add(entry)
  const { stored, condemned, calls } = sift(sieve, new Set([37]), () => false)
  expect([...condemned]).toEqual([37])
  expect([...stored].toSorted((a, b) => a - b)).toEqual(numbers(64).filter((entry) => entry !== 37))
  expect(calls.length).toBeLessThan(16)
})

test('requirement 24: an outage condemns nobody, however long it is', () => {
  const sieve = new Sieve<number>(8, 3)
  for (const entry of numbers(20)) sieve.add(entry)
  const { stored, condemned } = sift(sieve, new Set(), (call) => call < 500)
  expect(condemned.size).toBe(0)
  expect(stored.size).toBe(20)
})

test('an outage that is known to be one splits nothing', () => {
  const sieve = new Sieve<number>(8, 1)
  for (const entry of numbers(8)) sieve.add(entry)
  for (let call = 0; call < 10; call += 1) sieve.outage()
  expect(sieve.failures).toBe(10)
  expect(sieve.next()).toEqual(numbers(8))
})

test('a lone entry is not condemned before the store has taken another one', () => {
  const sieve = new Sieve<string>(8, 2)
  sieve.add('bad')
  for (let call = 0; call < 10; call += 1) expect(sieve.failed(sieve.next())).toBeUndefined()
  sieve.add('good')
  expect(sieve.next()).toEqual(['good'])
  sieve.succeeded(['good'])
  expect(sieve.next()).toEqual(['bad'])
  expect(sieve.failed(['bad'])).toBeUndefined()
  expect(sieve.failed(sieve.next())).toBe('bad')
})

test('for any failures of the store, what is stored and what is condemned are all, and all that are sound are stored or retried', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 16 }),
      fc.integer({ min: 1, max: 4 }),
      fc.uniqueArray(fc.integer({ min: 0, max: 39 }), { maxLength: 8 }),
      fc.array(fc.boolean(), { maxLength: 200 }),
      (count, maxSize, tries, bad, downs) => {
        const sieve = new Sieve<number>(maxSize, tries)
        for (const entry of numbers(count)) sieve.add(entry)
        const poisoned = new Set(bad.filter((entry) => entry < count))
        const { stored, condemned, calls } = sift(sieve, poisoned, (call) => downs[call] === true)
        expect(sieve.size).toBe(0)
        expect(stored.size + condemned.size).toBe(count)
        for (const entry of poisoned) expect(condemned.has(entry)).toBe(true)
        for (const piece of calls) {
          expect(piece.length).toBeGreaterThan(0)
          expect(piece.length).toBeLessThanOrEqual(maxSize)
          expect(new Set(piece).size).toBe(piece.length)
        }
      },
    ),
  )
})

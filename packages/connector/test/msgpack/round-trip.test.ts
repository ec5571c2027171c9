import { decode as decodeMsgpack, encode as encodeMsgpack } from '@msgpack/msgpack'
import fc from 'fast-check'
import lite from 'msgpack-lite'
import { expect, test } from 'vitest'
import { decode } from '../../src/msgpack/decode.ts'
import { encode } from '../../src/msgpack/encode.ts'

const scalar = fc.oneof(
  fc.constantFrom(null, true, false),
  fc.maxSafeInteger(),
  fc.integer({ min: -40_000, max: 70_000 }),
  fc.double({ noNaN: true }),
  // A lone surrogate has no UTF-8.
  fc.string({ unit: 'binary', maxLength: 300 }).filter((text) => !/\p{Surrogate}/u.test(text)),
)
const json = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalar,
    fc.array(tie('value'), { maxLength: 20 }),
    fc.dictionary(fc.string({ maxLength: 40 }), tie('value'), { maxKeys: 20 }),
  ),
})).value

// The others take `__proto__` for the prototype, and write -0 as 0.
const forOthers = json.filter((value) => !JSON.stringify(value).includes('__proto__')).map(withoutMinusZero)

function withoutMinusZero(value: unknown): unknown {
  if (typeof value === 'number') return value + 0
  if (Array.isArray(value)) return value.map(withoutMinusZero)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, withoutMinusZero(part)]))
}

test('what is encoded is decoded to the same', () => {
  fc.assert(
    fc.property(json, (value) => {
      expect(decode(encode(value))).toEqual(value)
    }),
    { numRuns: 300 },
  )
})

test('@msgpack/msgpack reads what we write', () => {
  fc.assert(
    fc.property(forOthers, (value) => {
      expect(decodeMsgpack(encode(value))).toEqual(value)
    }),
    { numRuns: 300 },
  )
})

test('we read what @msgpack/msgpack writes', () => {
  fc.assert(
    fc.property(forOthers, (value) => {
      expect(decode(encodeMsgpack(value))).toEqual(value)
    }),
    { numRuns: 300 },
  )
})

test('we read what msgpack-lite writes', () => {
  // It writes an invalid length for strings whose UTF-8 is longer than it guesses from the characters; ASCII is safe.
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.integer(), fc.string(), fc.dictionary(fc.string(), fc.integer()))), (value) => {
      fc.pre(!JSON.stringify(value).includes('__proto__'))
      expect(decode(lite.encode(value))).toEqual(value)
    }),
  )
})

test('any bigint of 64 bits comes back as itself, or as the equal safe integer', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }), (value) => {
      const back = decode(encode(value)) as number | bigint
      expect(BigInt(back)).toBe(value)
      expect(typeof back).toBe(
        Number.isSafeInteger(Number(value)) && BigInt(Number(value)) === value ? 'number' : 'bigint',
      )
    }),
  )
})

test('random bytes decode or are refused with DECODE_FAILED, nothing else', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        decode(bytes)
      } catch (error) {
        expect(error).toMatchObject({ code: 'DECODE_FAILED' })
      }
    }),
    { numRuns: 2000 },
  )
})

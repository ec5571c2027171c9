import fc from 'fast-check'
import { expect, test } from 'vitest'
import { UsageError } from '../../src/errors.ts'
import { decode } from '../../src/msgpack/decode.ts'
import { encode } from '../../src/msgpack/encode.ts'
import { Decimal } from '../../src/msgpack/ext/decimal.ts'

const NINES_76 = '9'.repeat(76)
const ONES_76 = `0.${'1'.repeat(76)}`

/** What `msgpack.encode(decimal.new(text))` gives; the same on 2.6.0, 2.11.9 and 3.8.0 where all of them take the number. */
const GOLDEN: readonly (readonly [text: string, hex: string])[] = [
  ['0', 'd501000c'],
  ['-0', 'd501000d'],
  ['0.00', 'd501020c'],
  ['-0.00', 'd501020d'],
  ['1', 'd501001c'],
  ['-1', 'd501001d'],
  ['1.5', 'c7030101015c'],
  ['-12.34', 'd6010201234d'],
  ['1.10', 'c7030102110c'],
  ['-9.99', 'c7030102999d'],
  ['100', 'c7030100100c'],
  ['0.0000001', 'd501071c'],
  ['12345678901234567890123456789012345678', 'c7150100012345678901234567890123456789012345678c'],
  ['0.12345678901234567890123456789012345678', 'c7150126012345678901234567890123456789012345678c'],
  // From here on 3.8.0 alone: more than 38 digits.
  [NINES_76, `c72801000${NINES_76}c`],
  [ONES_76, `c728014c0${'1'.repeat(76)}c`],
]

/** The same for text with an exponent, and how the decimal prints in plain notation. */
const GOLDEN_EXPONENTS: readonly (readonly [text: string, hex: string, plain: string])[] = [
  ['1e-7', 'd501071c', '0.0000001'],
  ['1E10', 'd501f61c', '10000000000'],
  ['123e5', 'c70301fb123c', '12300000'],
  ['+1e37', 'c70301d0db1c', `1${'0'.repeat(37)}`],
  ['-1e-38', 'd501261d', `-0.${'0'.repeat(37)}1`],
  ['1.2E-49', 'c7030132012c', `0.${'0'.repeat(48)}12`],
  ['1e75', 'c70301d0b51c', `1${'0'.repeat(75)}`],
]

function decodeHex(hex: string): unknown {
  return decode(Buffer.from(hex, 'hex'))
}

test.each(GOLDEN)('%s is encoded as the server does, and comes back as the same text', (text, hex) => {
  expect(encode(Decimal.from(text)).toString('hex')).toBe(hex)
  const decoded = decodeHex(hex)
  expect(decoded).toBeInstanceOf(Decimal)
  expect(decoded).toEqual(Decimal.from(text))
  expect(String(decoded)).toBe(text)
})

test.each(GOLDEN_EXPONENTS)('%s keeps its exponent on the wire and prints in plain notation', (text, hex, plain) => {
  expect(encode(Decimal.from(text)).toString('hex')).toBe(hex)
  expect(String(decodeHex(hex))).toBe(plain)
})

test.each([
  ['d501fe1a', '100'],
  ['c7030102001d', '-0.01'],
  ['c7030102012b', '-0.12'],
  ['c7030102012e', '0.12'],
  ['c7030102012f', '0.12'],
])('the sign nibble and leading zeros of %s are read as the server reads them', (hex, text) => {
  expect(String(decodeHex(hex))).toBe(text)
})

test('a bigint and a safe integer become decimals without a float between', () => {
  expect(Decimal.from(9_007_199_254_740_993n).toString()).toBe('9007199254740993')
  expect(Decimal.from(-42).toString()).toBe('-42')
  expect(Decimal.from(-0).toString()).toBe('-0')
})

test.each([0.1, 1.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY])(
  'the number %s is refused with a hint',
  (value) => {
    expect(() => Decimal.from(value)).toThrow(/Decimal\.from\('0\.1'\)/)
  },
)

test.each(['', '.', '-', 'e5', '1e', '1.2.3', '0x10', '1_000', ' 1', '1 ', 'NaN', 'Infinity', '1e9999999999', '١'])(
  'the text %j is refused',
  (text) => {
    expect(() => Decimal.from(text)).toThrow(UsageError)
  },
)

test.each([
  ['.5', '0.5'],
  ['5.', '5'],
  ['007.50', '7.50'],
  ['+3', '3'],
])('the text %s is taken as %s', (text, plain) => {
  expect(Decimal.from(text).toString()).toBe(plain)
})

test('76 digits are the most, leading zeros not counted', () => {
  expect(Decimal.from(`-000${NINES_76}`).toString()).toBe(`-${NINES_76}`)
  expect(() => Decimal.from(`1${NINES_76}`)).toThrow('at most 76 digits, got 77')
  expect(() => Decimal.from(10n ** 76n)).toThrow('at most 76 digits, got 77')
})

test('more digits than a server sends today are decoded all the same', () => {
  const digits = '7'.repeat(101)
  expect(String(decodeHex(`c7340100${digits}c`))).toBe(digits)
})

test.each([
  ['no digit', 'd40100'],
  ['no digit but a sign', 'd50100ac'],
  ['a sign among the digits', 'c7030100c11c'],
  ['no sign', 'd5010011'],
  ['a scale that is text', 'd501a10c'],
  ['a scale that is no integer', 'c70a01cb3ff80000000000001c'],
  ['a scale beyond the server', 'c70601ce7fffffff1c'],
])('a payload with %s fails with DECODE_FAILED', (_what, hex) => {
  expect(() => decodeHex(hex)).toThrow(expect.objectContaining({ code: 'DECODE_FAILED' }))
})

test('a payload of a million digits is refused before they are made a number', () => {
  const size = 500_001
  const bytes = Buffer.alloc(6 + size, 0x11)
  bytes[0] = 0xc9
  bytes.writeUInt32BE(size, 1)
  bytes[5] = 1
  bytes[6] = 0
  expect(() => decode(bytes)).toThrow('This is not a decimal: it has more than 1000 digits')
})

test('equals and compare go by the number, not by its notation', () => {
  expect(Decimal.from('1.10').equals(Decimal.from('1.1'))).toBe(true)
  expect(Decimal.from('-0').equals(Decimal.from('0.00'))).toBe(true)
  expect(Decimal.from('1e2').equals(Decimal.from('100'))).toBe(true)
  const sorted = [
    '-1e999999999',
    '-100',
    '-1.1',
    '-1',
    '-1e-999999999',
    '0',
    '1e-7',
    '0.1',
    '0.11',
    '9',
    '10',
    '1e999999999',
  ]
  const mixed = [...sorted].reverse().map((text) => Decimal.from(text))
  expect(mixed.sort((a, b) => a.compare(b))).toEqual(sorted.map((text) => Decimal.from(text)))
})

test('an exponent of any size prints in bounded space', () => {
  expect(Decimal.from('1.5e999999999').toString()).toBe('1.5E+999999999')
  expect(Decimal.from('-15e-999999999').toString()).toBe('-1.5E-999999998')
  expect(Decimal.from('0e999999999').toString()).toBe('0')
  expect(Decimal.from('1e1000').toString()).toBe(`1${'0'.repeat(1_000)}`)
})

test('toNumber gives the nearest float, and JSON keeps every digit', () => {
  expect(Decimal.from('-12.30').toNumber()).toBe(-12.3)
  expect(JSON.stringify({ sum: Decimal.from('0.10') })).toBe('{"sum":"0.10"}')
})

test('comparing with an operator throws instead of comparing texts', () => {
  const [a, b] = [Decimal.from('9'), Decimal.from('10')]
  expect(() => a < b).toThrow('compare()')
  expect(String(a)).toBe('9')
})

const decimals = fc
  .record({
    negative: fc.boolean(),
    digits: fc.stringMatching(/^[0-9]{1,76}$/),
    scale: fc.oneof(fc.integer({ min: -80, max: 80 }), fc.integer({ min: -999_999_999, max: 999_999_999 })),
  })
  .map(({ negative, digits, scale }) => new Decimal(BigInt(digits) * (negative ? -1n : 1n), scale, negative))

test('every decimal comes back from its bytes as it was', () => {
  fc.assert(
    fc.property(decimals, (decimal) => {
      expect(decode(encode([decimal, 'next']))).toEqual([decimal, 'next'])
    }),
  )
})

test.each([-32, -33, 127, 128, 255, 256, -128, -129, 32_767, -32_768, -32_769, 65_535, 65_536, 999_999_999])(
  'a scale of %i takes the bytes that it needs',
  (scale) => {
    const decimals = [new Decimal(12n, scale), new Decimal(-3n, scale)]
    expect(decode(encode(decimals))).toEqual(decimals)
  },
)

test('the text of every decimal gives the same number again', () => {
  fc.assert(
    fc.property(decimals, (decimal) => {
      // A scale below 0 is spelt out, so that the digits may be more than `from` takes.
      fc.pre(decimal.scale >= 0 || decimal.scale < -1_000)
      expect(Decimal.from(decimal.toString()).equals(decimal)).toBe(true)
    }),
  )
})

test('compare agrees with exact fractions', () => {
  const small = fc
    .record({ coefficient: fc.bigInt({ min: -10_000n, max: 10_000n }), scale: fc.integer({ min: -6, max: 6 }) })
    .map(({ coefficient, scale }) => new Decimal(coefficient, scale))
  const scaled = ({ coefficient, scale }: Decimal) => coefficient * 10n ** BigInt(6 - scale)
  fc.assert(
    fc.property(small, small, (a, b) => {
      const [left, right] = [scaled(a), scaled(b)]
      expect(a.compare(b)).toBe(left === right ? 0 : left < right ? -1 : 1)
    }),
  )
})

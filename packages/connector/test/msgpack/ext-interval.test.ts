import fc from 'fast-check'
import { expect, test } from 'vitest'
import { UsageError } from '../../src/errors.ts'
import { decode } from '../../src/msgpack/decode.ts'
import { encode } from '../../src/msgpack/encode.ts'
import { Interval, type IntervalFields } from '../../src/msgpack/ext/interval.ts'

/** What `msgpack.encode(datetime.interval.new(fields))` and `tostring` give on 2.11.9 and 3.8.0. */
const GOLDEN: readonly (readonly [text: string, fields: IntervalFields, hex: string])[] = [
  ['+0 seconds', {}, 'c70306010801'],
  ['+1 years', { year: 1 }, 'c705060200010801'],
  ['+1 days', { day: 1, adjust: 'none' }, 'c705060203010801'],
  ['+0 seconds', { adjust: 'excess' }, 'd40600'],
  ['-128 seconds, -1 nanoseconds', { sec: -128, nsec: -1 }, 'd7060306d08007ff0801'],
  [
    '+65535 months, 128 days, -32769 hours',
    { month: 65_535, day: 128, hour: -32_769 },
    'd8060401cdffff03cc8004d2ffff7fff0801',
  ],
  [
    '+1 years, 200 months, -3 weeks, 77 days, -1 hours, 5 minutes, -70000 seconds, 123456789 nanoseconds',
    { year: 1, month: 200, week: -3, day: 77, hour: -1, min: 5, sec: -70_000, nsec: 123_456_789, adjust: 'last' },
    'c71c0609000101ccc802fd034d04ff050506d2fffeee9007ce075bcd150802',
  ],
]

function decodeHex(hex: string): unknown {
  return decode(Buffer.from(hex, 'hex'))
}

test.each(GOLDEN)('%s is encoded and printed as the server does, and comes back', (text, fields, hex) => {
  expect(encode(new Interval(fields)).toString('hex')).toBe(hex)
  const decoded = decodeHex(hex)
  expect(decoded).toBeInstanceOf(Interval)
  expect(decoded).toEqual(new Interval(fields))
  expect(String(decoded)).toBe(text)
})

test('seconds stand beside nanoseconds only if nothing stands before', () => {
  expect(String(new Interval({ nsec: -5 }))).toBe('+0 seconds, -5 nanoseconds')
  expect(String(new Interval({ day: 1, nsec: 5 }))).toBe('+1 days, 5 nanoseconds')
})

test('a field that came as 0 is 0', () => {
  expect(decodeHex('c70506020000030a')).toEqual(new Interval({ day: 10, adjust: 'excess' }))
})

test.each([
  ['an unknown field', 'c70306010905'],
  ['an unknown adjust', 'c70306010803'],
  ['fewer pairs than it says', 'd5060100'],
  ['more pairs than it says', 'd60601000103'],
  ['text for a number', 'c703060100a0'],
  ['a number beyond the server', 'c707060100ce7fffffff'],
])('a payload with %s fails with DECODE_FAILED', (_what, hex) => {
  expect(() => decodeHex(hex)).toThrow(expect.objectContaining({ code: 'DECODE_FAILED' }))
})

test.each([{ year: 1.5 }, { nsec: 2 ** 31 }, { year: -11_759_222 }, { month: Number.NaN }])(
  'the fields %j are refused',
  (fields) => {
    expect(() => new Interval(fields)).toThrow(UsageError)
  },
)

test('an adjust of another name is refused', () => {
  // A caller without types.
  const fields = { adjust: 'first' } as unknown as IntervalFields
  expect(() => new Interval(fields)).toThrow('excess, none or last')
})

test('equals compares field by field', () => {
  expect(new Interval({ day: 7 }).equals(new Interval({ day: 7 }))).toBe(true)
  expect(new Interval({ day: 7 }).equals(new Interval({ week: 1 }))).toBe(false)
  expect(new Interval({ day: 7 }).equals(new Interval({ day: 7, adjust: 'last' }))).toBe(false)
})

test('JSON has the fields that are set, and they make the same interval', () => {
  const interval = new Interval({ month: 1, adjust: 'last' })
  expect(JSON.stringify(interval)).toBe('{"month":1,"adjust":"last"}')
  expect(new Interval(interval.toJSON())).toEqual(interval)
})

test('every interval comes back from its bytes as it was', () => {
  const within = (limit: number) => fc.oneof(fc.constant(0), fc.integer({ min: -limit, max: limit }))
  const intervals = fc.record({
    year: within(11_759_221),
    month: within(141_110_652),
    week: within(613_579_352),
    day: within(4_295_055_470),
    hour: within(103_081_331_286),
    min: within(6_184_879_877_160),
    sec: within(371_092_792_629_600),
    nsec: within(2_147_483_647),
    adjust: fc.constantFrom('none' as const, 'excess' as const, 'last' as const),
  })
  fc.assert(
    fc.property(intervals, (fields) => {
      const interval = new Interval(fields)
      expect(decode(encode([interval, 1]))).toEqual([interval, 1])
    }),
  )
})

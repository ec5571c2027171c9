import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { UsageError } from '../../src/errors.ts'
import { decode } from '../../src/msgpack/decode.ts'
import { encode } from '../../src/msgpack/encode.ts'
import { DateTime } from '../../src/msgpack/ext/datetime.ts'

/** What `msgpack.encode` gives for the server's datetime of this text on 2.11.9 and 3.8.0. */
const GOLDEN: readonly (readonly [text: string, hex: string])[] = [
  ['1970-01-01T00:00:00Z', 'd7040000000000000000'],
  ['1970-01-01T00:00:01Z', 'd7040100000000000000'],
  ['1970-01-01T00:00:01.000000005Z', 'd80401000000000000000500000000000000'],
  ['1969-12-31T23:59:59Z', 'd704ffffffffffffffff'],
  ['1969-12-31T23:59:59.999999999Z', 'd804ffffffffffffffffffc99a3b00000000'],
  ['9999-12-31T23:59:59.999999999Z', 'd8047f41f4ff3a000000ffc99a3b00000000'],
  ['2024-02-29T12:00:00+05:45', 'd804e420e065000000000000000059010000'],
  ['2024-02-29T12:30:01.120-08:00', 'd80449e9e06500000000000e270720fe0000'],
  ['0001-01-01T00:00:00Z', 'd70400096e88f1ffffff'],
  ['-000001-01-01T00:00:00Z', 'd7048050aa84f1ffffff'],
  ['+012345-01-01T00:00:00Z', 'd7048026c33a4c000000'],
  ['+5879611-07-11T00:00:00Z', 'd70400666b88b1a80000'],
  ['-5879610-06-22T00:00:00Z', 'd70480b76c883157ffff'],
]

function decodeHex(hex: string): unknown {
  return decode(Buffer.from(hex, 'hex'))
}

describe('on the wire', () => {
  test.each(GOLDEN)('%s is encoded as the server does, and comes back', (text, hex) => {
    expect(encode(DateTime.from(text)).toString('hex')).toBe(hex)
    const decoded = decodeHex(hex)
    expect(decoded).toBeInstanceOf(DateTime)
    expect(String(decoded)).toBe(text)
  })

  test('a zone of the server keeps its number and its offset', () => {
    const moscow = 'd8049047e0650000000000000000b400b303'
    const decoded = decodeHex(moscow)
    expect(decoded).toMatchObject({ seconds: 1_709_197_200, tzoffset: 180, tzindex: 947 })
    expect(String(decoded)).toBe('2024-02-29T12:00:00+03:00')
    expect(encode(decoded).toString('hex')).toBe(moscow)
  })

  test.each([
    ['seconds beyond the calendar', 'd7040000000000000010'],
    ['a second of nanoseconds', 'd804010000000000000000ca9a3b00000000'],
    ['nanoseconds below 0', 'd8040100000000000000ffffffff00000000'],
    ['an offset of more than a day', 'd804010000000000000000000000f00f0000'],
    ['another length', 'd60401020304'],
  ])('a payload with %s fails with DECODE_FAILED', (_what, hex) => {
    expect(() => decodeHex(hex)).toThrow(expect.objectContaining({ code: 'DECODE_FAILED' }))
  })

  test('every datetime comes back from its bytes as it was', () => {
    fc.assert(
      fc.property(datetimes, (datetime) => {
        expect(decode(encode([datetime]))).toEqual([datetime])
      }),
    )
  })
})

describe('as text', () => {
  test.each([
    ['2024-02-29T12:00:00.5Z', '2024-02-29T12:00:00.500Z'],
    ['2024-02-29T12:00:00.1234567Z', '2024-02-29T12:00:00.123456700Z'],
    ['2024-02-29T12:00Z', '2024-02-29T12:00:00Z'],
    ['2024-02-29 12:00:00+0545', '2024-02-29T12:00:00+05:45'],
    ['2024-02-29t12:00:00-08', '2024-02-29T12:00:00-08:00'],
    ['2024-02-29T12:00:00z', '2024-02-29T12:00:00Z'],
    ['2000-02-29T00:00:00+00:00', '2000-02-29T00:00:00Z'],
  ])('%s is read as %s', (text, normal) => {
    expect(DateTime.from(text).toString()).toBe(normal)
  })

  test.each([
    '2024-02-29',
    '2024-02-29T12:00:00',
    '2023-02-29T00:00:00Z',
    '1900-02-29T00:00:00Z',
    '2024-13-01T00:00:00Z',
    '2024-04-31T00:00:00Z',
    '2024-01-00T00:00:00Z',
    '2024-01-01T24:00:00Z',
    '2024-01-01T00:60:00Z',
    '2024-01-01T00:00:60Z',
    '2024-01-01T00:00:00.1234567891Z',
    '2024-01-01T00:00:00+00:60',
    '2024-01-01T00:00:00+14:01',
    '-000000-01-01T00:00:00Z',
    '+9999999-01-01T00:00:00Z',
    'yesterday',
  ])('%s is refused', (text) => {
    expect(() => DateTime.from(text)).toThrow(UsageError)
  })

  test('every datetime gives text that is read as the same one', () => {
    fc.assert(
      fc.property(datetimes, (datetime) => {
        const again = DateTime.from(datetime.toString())
        expect({ ...again, tzindex: 0 }).toEqual({ ...datetime, tzindex: 0 })
      }),
    )
  })

  test('the calendar is that of a Date wherever a Date reaches', () => {
    fc.assert(
      fc.property(fc.date({ noInvalidDate: true }), (date) => {
        expect(Date.parse(DateTime.from(date).toString())).toBe(date.getTime())
      }),
    )
  })

  test('February ends where that of a Date does, in every century of the calendar', () => {
    for (let year = 1_200; year <= 2_800; year += 100) {
      for (const day of [28, 29, 30, 31]) {
        const date = new Date(Date.UTC(year, 1, day))
        expect(DateTime.from(date).toString()).toBe(date.toISOString().replace('.000', ''))
      }
    }
  })

  test('JSON has the text', () => {
    expect(JSON.stringify([DateTime.from('1970-01-01T00:00:00Z')])).toBe('["1970-01-01T00:00:00Z"]')
  })
})

describe('as other kinds of time', () => {
  test('a Date before 1970 keeps its milliseconds', () => {
    const date = new Date(-1)
    expect(DateTime.from(date)).toMatchObject({ seconds: -1, nsec: 999_000_000 })
    expect(DateTime.from(date).toDate()).toEqual(date)
  })

  test('toDate rounds down to the millisecond on both sides of 1970', () => {
    expect(DateTime.from('1970-01-01T00:00:00.001999999Z').toDate().getTime()).toBe(1)
    expect(DateTime.from('1969-12-31T23:59:59.999999999Z').toDate().getTime()).toBe(-1)
  })

  test('toDate refuses an instant that a Date cannot hold', () => {
    expect(() => DateTime.from('+275760-09-13T00:00:00.001Z').toDate()).toThrow('A Date cannot hold +275760-09-13')
    expect(DateTime.from('+275760-09-13T00:00:00Z').toDate().getTime()).toBe(8.64e15)
  })

  test('an invalid Date is refused', () => {
    expect(() => DateTime.from(new Date(Number.NaN))).toThrow(UsageError)
  })

  test('nanoseconds since 1970 go both ways, below 0 too', () => {
    expect(DateTime.fromEpochNanoseconds(-1n)).toMatchObject({ seconds: -1, nsec: 999_999_999 })
    expect(DateTime.fromEpochNanoseconds(-1_000_000_000n)).toMatchObject({ seconds: -1, nsec: 0 })
    fc.assert(
      fc.property(datetimes, ({ epochNanoseconds, tzoffset }) => {
        expect(DateTime.fromEpochNanoseconds(epochNanoseconds, tzoffset).epochNanoseconds).toBe(epochNanoseconds)
      }),
    )
  })
})

test('minus zero is zero', () => {
  expect(new DateTime({ seconds: -0, nsec: -0, tzoffset: -0 })).toEqual(new DateTime({ seconds: 0 }))
})

test('equals and compare go by the instant, wherever it is shown', () => {
  const utc = DateTime.from('2024-01-01T00:00:00Z')
  const kathmandu = DateTime.from('2024-01-01T05:45:00+05:45')
  const later = DateTime.from('2024-01-01T00:00:00.000000001Z')
  expect(utc.equals(kathmandu)).toBe(true)
  expect(utc.compare(kathmandu)).toBe(0)
  expect(utc.compare(later)).toBe(-1)
  expect(later.compare(utc)).toBe(1)
  expect(() => utc < later).toThrow('compare()')
})

test.each([
  { seconds: 0.5 },
  { seconds: 2n ** 63n - 1n },
  { seconds: 185_480_451_417_601 },
  { seconds: -185_604_722_870_401n },
  { seconds: 0, nsec: 1_000_000_000 },
  { seconds: 0, nsec: -1 },
  { seconds: 0, tzoffset: 841 },
  { seconds: 0, tzoffset: -721 },
  { seconds: 0, tzindex: -1 },
])('the parts %o are refused', (parts) => {
  expect(() => new DateTime(parts)).toThrow(UsageError)
})

const datetimes = fc
  .record({
    // A day inside the calendar's ends, so that no offset shows a year beyond them.
    seconds: fc.oneof(
      fc.integer({ min: -200_000, max: 200_000 }),
      fc.integer({ min: -185_604_722_784_000, max: 185_480_451_331_200 }),
    ),
    nsec: fc.oneof(fc.constantFrom(0, 1, 1_000, 1_000_000, 999_999_999), fc.integer({ min: 0, max: 999_999_999 })),
    tzoffset: fc.oneof(fc.constant(0), fc.integer({ min: -720, max: 840 })),
    tzindex: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 1_000 })),
  })
  .map((parts) => new DateTime(parts))

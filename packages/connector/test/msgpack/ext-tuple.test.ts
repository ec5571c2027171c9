import { expect, test } from 'vitest'
import { UsageError } from '../../src/errors.ts'
import { decode } from '../../src/msgpack/decode.ts'
import { encode } from '../../src/msgpack/encode.ts'
import { TupleFormats } from '../../src/msgpack/ext/formats.ts'
import { NamedTuple, namedTuple } from '../../src/msgpack/ext/named-tuple.ts'
import { Tuple } from '../../src/msgpack/ext/tuple.ts'

/** Recorded from 3.8.0: the values under DATA and TUPLE_FORMATS of a select of two rows. */
const DATA = 'dd00000002c70a076b9303a5757365723317c70a076b9304a5757365723418'
const FORMATS =
  '816b9382a46e616d65a26964a474797065a8756e7369676e656482a46e616d65a46e616d65a474797065a6737472696e67' +
  '83a474797065a8756e7369676e6564a46e616d65a3616765ab69735f6e756c6c61626c65c3'

function decodeHex(hex: string): unknown {
  return decode(Buffer.from(hex, 'hex'))
}

test('rows that name their format become objects by the formats of the same reply', () => {
  const rows = decodeHex(DATA)
  expect(rows).toEqual([new Tuple(107, [3, 'user3', 23]), new Tuple(107, [4, 'user4', 24])])
  const formats = TupleFormats.parse(decodeHex(FORMATS))
  expect(formats.get(107)).toEqual([
    { name: 'id', type: 'unsigned', isNullable: false },
    { name: 'name', type: 'string', isNullable: false },
    { name: 'age', type: 'unsigned', isNullable: true },
  ])
  // As the assertion above says.
  const objects = (rows as Tuple[]).map((row) => formats.toObject(row))
  expect(objects).toEqual([
    { id: 3, name: 'user3', age: 23 },
    { id: 4, name: 'user4', age: 24 },
  ])
})

test('a tuple stands inside other values', () => {
  expect(decodeHex('81a178c70a076b9302a5757365723216')).toEqual({ x: new Tuple(107, [2, 'user2', 22]) })
})

test('a row that is shorter than its format has null there, a longer one numbers from 1', () => {
  const formats = TupleFormats.parse(decodeHex(FORMATS))
  expect(formats.toObject(new Tuple(107, [1, 'one']))).toEqual({ id: 1, name: 'one', age: null })
  expect(formats.toObject(new Tuple(107, [1, 'one', 2, 'more']))).toEqual({ id: 1, name: 'one', age: 2, '4': 'more' })
})

test('a field called __proto__ is a field like any other', () => {
  const formats = TupleFormats.parse(new Map([[1, [{ name: '__proto__', type: 'any' }]]]))
  const object = formats.toObject(new Tuple(1, [{ isAdmin: true }]))
  expect(Object.keys(object)).toEqual(['__proto__'])
  expect(Object.getPrototypeOf(object)).toBe(Object.prototype)
  expect('isAdmin' in object).toBe(false)
})

test('a reply without rows has no formats', () => {
  expect(TupleFormats.parse(decodeHex('80')).get(107)).toBeUndefined()
})

test('a row whose format the reply lacks fails with DECODE_FAILED', () => {
  const formats = TupleFormats.parse(decodeHex('80'))
  expect(() => formats.toObject(new Tuple(107, [1]))).toThrow(
    expect.objectContaining({ code: 'DECODE_FAILED', message: expect.stringContaining('107') }),
  )
})

test.each([[null], [[]], [{ a: [] }], [new Map([[1, 'x']])], [new Map([[1, [{ type: 'any' }]]])]])(
  'formats such as %o fail with DECODE_FAILED',
  (value) => {
    expect(() => TupleFormats.parse(value)).toThrow(expect.objectContaining({ code: 'DECODE_FAILED' }))
  },
)

test('a tuple is sent as the array of its fields', () => {
  expect(encode(new Tuple(107, [1, 'one'])).toString('hex')).toBe('9201a36f6e65')
  expect([...new Tuple(107, [1, 'one'])]).toEqual([1, 'one'])
  expect(JSON.stringify(new Tuple(107, [1, 'one']))).toBe('[1,"one"]')
})

test('bytes behind the payload are named', () => {
  expect(() => decodeHex('c703076b90c0')).toThrow('This is not a tuple: bytes are left after it')
})

test('a format id below 0 is refused', () => {
  expect(() => new Tuple(-1, [])).toThrow(UsageError)
})

test.each([
  ['no array', 'd5076b01'],
  ['an id that is text', 'c70307a16b90'],
  ['bytes behind the array', 'c703076b90c0'],
  ['an array that is longer than the payload', 'd5076b91'],
])('a payload with %s fails with DECODE_FAILED', (_what, hex) => {
  expect(() => decodeHex(`92${hex}01`)).toThrow(expect.objectContaining({ code: 'DECODE_FAILED' }))
})

test('a tuple with names has one value for each, and no name twice', () => {
  expect(encode([namedTuple({ id: 1, name: 'x' })]).toString('hex')).toBe('919201a178')
  const wrong = expect.objectContaining({ code: 'INVALID_ARGUMENT' }) as Error
  expect(() => new NamedTuple(['a'], [])).toThrow(wrong)
  expect(() => new NamedTuple(['a', 'a'], [1, 2])).toThrow(wrong)
  expect(() => new NamedTuple([''], [1])).toThrow(wrong)
})

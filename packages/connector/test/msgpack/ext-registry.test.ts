import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { UsageError } from '../../src/errors.ts'
import { decode } from '../../src/msgpack/decode.ts'
import { encode } from '../../src/msgpack/encode.ts'
import { Decimal } from '../../src/msgpack/ext/decimal.ts'
import { ErrorValue } from '../../src/msgpack/ext/error-value.ts'
import { defineExtension, type Extension, ExtensionTable } from '../../src/msgpack/ext/extension.ts'
import { Ext } from '../../src/msgpack/values.ts'

class Money {
  readonly cents: number
  readonly currency: string

  constructor(cents: number, currency: string) {
    this.cents = cents
    this.currency = currency
  }
}

class Price extends Money {}

const money = defineExtension({
  type: 32,
  class: Money,
  encode: ({ cents, currency }) => encode([cents, currency]),
  decode: (bytes) => {
    // What `encode` above has written.
    const [cents, currency] = decode(bytes) as [number, string]
    return new Money(cents, currency)
  },
})
const table = new ExtensionTable([money])

describe('a type of the user', () => {
  test('travels as its extension and comes back as its class', () => {
    const bytes = encode({ price: new Money(1_999, 'EUR') }, table)
    expect(bytes.toString('hex')).toBe('81a57072696365d72092cd07cfa3455552')
    expect(decode(bytes, table)).toEqual({ price: new Money(1_999, 'EUR') })
  })

  test('covers subclasses', () => {
    expect(decode(encode(new Price(5, 'USD'), table), table)).toEqual(new Money(5, 'USD'))
  })

  test('stays an Ext, and goes back unchanged, where it is not defined', () => {
    const bytes = encode(new Money(1, 'EUR'), table)
    const unknown = decode(bytes)
    expect(unknown).toEqual(new Ext(32, bytes.subarray(3)))
    expect(encode(unknown)).toEqual(bytes)
  })

  test('owns the bytes that it decodes', () => {
    let kept: Buffer = Buffer.alloc(0)
    const keeper = new ExtensionTable([
      defineExtension({
        type: -1,
        class: Money,
        encode: () => new Uint8Array(4),
        decode: (bytes) => {
          kept = bytes
          return new Money(0, '')
        },
      }),
    ])
    const source = Buffer.from('d6ff01020304', 'hex')
    decode(source, keeper)
    source.fill(0)
    expect(kept.toString('hex')).toBe('01020304')
  })

  test('may stand for a Date, which has no form otherwise', () => {
    const dates = new ExtensionTable([
      defineExtension({
        type: 40,
        class: Date,
        encode: (date) => Buffer.from(date.toISOString()),
        decode: (bytes) => new Date(bytes.toString()),
      }),
    ])
    expect(decode(encode([new Date(0)], dates), dates)).toEqual([new Date(0)])
    expect(() => encode([new Date(0)])).toThrow(/`value\[0\]`.*DateTime\.from/)
  })

  test('fails the reply with DECODE_FAILED, naming the type, when its decode throws', () => {
    const cause = new Error('not mine')
    const broken = new ExtensionTable([
      defineExtension<Money>({
        type: 33,
        class: Money,
        encode: () => Buffer.alloc(1),
        decode: () => {
          throw cause
        },
      }),
    ])
    expect(() => decode(Buffer.from('d42100', 'hex'), broken)).toThrow(
      expect.objectContaining({ code: 'DECODE_FAILED', message: expect.stringContaining('type 33'), cause }),
    )
  })

  test('fails the request with ENCODE_FAILED when its encode gives no bytes', () => {
    // A caller without types.
    const text = (() => 'text') as unknown as () => Uint8Array
    const broken = new ExtensionTable([
      defineExtension<Money>({ type: 33, class: Money, encode: text, decode: () => new Money(0, '') }),
    ])
    expect(() => encode(new Money(0, ''), broken)).toThrow(expect.objectContaining({ code: 'ENCODE_FAILED' }))
  })

  test('is a leaf for the path in the error about another value', () => {
    const value = { price: new Money(1, 'EUR'), sum: Decimal.from('1'), bad: () => undefined }
    expect(() => encode(value, table)).toThrow('`value.bad`')
  })
})

describe('a definition', () => {
  const codec = { encode: () => new Uint8Array(), decode: () => new Money(0, '') }

  test.each([0, 1, 4, 8, 128, -129, 1.5, Number.NaN])('of the type %s is refused', (type) => {
    expect(() => defineExtension({ type, class: Money, ...codec })).toThrow(UsageError)
  })

  test.each([-128, -1, 9, 127])('of the type %s is taken', (type) => {
    expect(defineExtension({ type, class: Money, ...codec }).type).toBe(type)
  })

  test.each([Object, Array, Map, Uint8Array, Buffer, DataView, class Rows extends Array {}, undefined, Math.max, {}])(
    'for %o is refused',
    (type) => {
      // Some of these are no class: a caller without types.
      const definition = { type: 32, class: type, ...codec } as unknown as Extension
      expect(() => defineExtension(definition)).toThrow(UsageError)
    },
  )

  test('without encode or decode is refused', () => {
    // A caller without types.
    const definition = { type: 32, class: Money, encode: codec.encode } as unknown as Extension
    expect(() => defineExtension(definition)).toThrow('`decode`')
  })

  test('of a type or a class that another one has is refused', () => {
    expect(() => new ExtensionTable([money, defineExtension({ type: 32, class: Price, ...codec })])).toThrow('type 32')
    expect(() => new ExtensionTable([money, defineExtension({ type: 33, class: Money, ...codec })])).toThrow('type 33')
  })
})

describe('the payload of an extension', () => {
  test.each([0, 1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 255, 256, 65_535, 65_536])('of %i bytes keeps its size', (size) => {
    const ext = new Ext(-5, Buffer.alloc(size, 7))
    expect(decode(encode([ext, 'next']))).toEqual([ext, 'next'])
  })

  test.each([
    [0, 0xd8],
    [1, 0xc7],
    [238, 0xc7],
    [239, 0xc8],
    [65_517, 0xc8],
    [65_518, 0xc9],
  ])('whose size is known last has the shortest header: a text of %i bytes in 16 others', (size, header) => {
    const frame = { type: '', file: '', line: 0, message: 'x'.repeat(size), errno: 0, number: 0, fields: {} }
    const values = [new ErrorValue([frame]), 'next']
    const bytes = encode(values)
    expect(bytes[1]).toBe(header)
    expect(decode(bytes)).toEqual(values)
  })

  test('never lets its values read past its end', () => {
    // A decimal of one byte, which is its scale, before a value that could be taken for its digits.
    expect(() => decode(Buffer.from('92d401001c', 'hex'))).toThrow(expect.objectContaining({ code: 'DECODE_FAILED' }))
  })

  test('of any bytes is decoded or fails with DECODE_FAILED', () => {
    const payload = fc.uint8Array({ maxLength: 40 })
    fc.assert(
      fc.property(fc.integer({ min: -128, max: 127 }), payload, (type, data) => {
        const bytes = encode([new Ext(type, data), 'next'])
        let value: unknown
        try {
          value = decode(bytes)
        } catch (error) {
          expect(error).toMatchObject({ code: 'DECODE_FAILED', sent: false })
          return
        }
        expect(value).toEqual([expect.anything(), 'next'])
      }),
    )
  })
})

test('types 5 and 8 pass through as they are', () => {
  for (const type of [5, 8]) {
    const ext = new Ext(type, Buffer.from('0102', 'hex'))
    expect(decode(encode(ext))).toEqual(ext)
  }
})

import { decode as oracle } from '@msgpack/msgpack'
import { expect, test } from 'vitest'
import { Encoder, encode } from '../../src/msgpack/encode.ts'

test('what an encoder has given out stays as it is', () => {
  const encoder = new Encoder()
  const values = Array.from({ length: 2000 }, (_, i) => ({ i, text: 'x'.repeat((i * 7) % 300) }))
  const all = values.map((value) => encoder.encode(value))
  expect(all.map((bytes) => oracle(bytes))).toEqual(values)
})

test('values above the size of a chunk are encoded, and those after them as well', () => {
  const encoder = new Encoder()
  const values = ['before', 'x'.repeat(100_000), 'after', { list: new Array(50_000).fill(1) }, 'last']
  const all = values.map((value) => encoder.encode(value))
  expect(all.map((bytes) => oracle(bytes))).toEqual(values)
})

test('a small value does not keep the memory of a large one', () => {
  const encoder = new Encoder()
  encoder.encode('x'.repeat(1_000_000))
  expect(encoder.encode('small').buffer.byteLength).toBeLessThanOrEqual(64 * 1024)
})

test('a value that cannot be encoded leaves the encoder usable', () => {
  const encoder = new Encoder()
  const before = encoder.encode('before')
  expect(() => encoder.encode({ list: ['x'.repeat(40_000), () => 1] })).toThrow(
    expect.objectContaining({ code: 'ENCODE_FAILED' }),
  )
  expect(oracle(encoder.encode('after'))).toBe('after')
  expect(oracle(before)).toBe('before')
})

test('a getter may encode something itself', () => {
  const value = {
    get inner() {
      return encode({ a: 1 })
    },
    rest: 'x',
  }
  expect(oracle(encode(value))).toEqual({ inner: Buffer.from([0x81, 0xa1, 0x61, 1]), rest: 'x' })
})

test('the header of a map counts what was written, whatever getters do meanwhile', () => {
  const value: Record<string, unknown> = {
    get first() {
      delete value['second']
      value['third'] = 3
      return 1
    },
    second: 2,
  }
  const bytes = encode([value, 'end'])
  expect(oracle(bytes)).toEqual([expect.objectContaining({ first: 1 }), 'end'])
})

test('fields of a prototype are left out', () => {
  class Base {
    own = 1
  }
  Object.defineProperty(Base.prototype, 'inherited', { value: 2, enumerable: true })
  expect(oracle(encode(new Base()))).toEqual({ own: 1 })
  expect(oracle(encode(Object.create({ inherited: 2 }, { own: { value: 1, enumerable: true } })))).toEqual({ own: 1 })
})

test.each([15, 16, 17, 65_535, 65_536])('a map of %i keys has the shortest header', (size) => {
  const value = Object.fromEntries(Array.from({ length: size }, (_, i) => [`k${i}`, i]))
  const bytes = encode([value, 'end'])
  const header = size < 16 ? [0x80 | size] : size < 0x1_0000 ? [0xde, size >> 8, size & 0xff] : [0xdf, 0, 1, 0, 0]
  expect([...bytes.subarray(1, 1 + header.length)]).toEqual(header)
  expect(oracle(bytes)).toEqual([value, 'end'])
})

test('text of every length has the shortest header, be it ASCII or not', () => {
  for (const length of [0, 1, 10, 11, 23, 31, 32, 127, 128, 170, 171, 255, 256, 511, 512, 513, 5000, 65_535, 65_536]) {
    for (const letter of ['a', 'é', '漢', '😀', '\ud800']) {
      const text = letter.repeat(length)
      const size = Buffer.byteLength(text)
      const header = size < 32 ? 1 : size < 0x100 ? 2 : size < 0x1_0000 ? 3 : 5
      const bytes = encode([text, 'end'])
      expect(bytes).toHaveLength(1 + header + size + 4)
      expect(oracle(bytes)).toEqual([text.replaceAll(/\p{Surrogate}/gu, '\ufffd'), 'end'])
    }
  }
})

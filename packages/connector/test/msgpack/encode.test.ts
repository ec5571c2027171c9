import { decode as oracle } from '@msgpack/msgpack'
import { describe, expect, test } from 'vitest'
import { encode, encodeInto, pack } from '../../src/msgpack/encode.ts'
import { RawField, RawMsgpack } from '../../src/msgpack/raw.ts'
import { double, Ext, float32 } from '../../src/msgpack/values.ts'
import { Writer } from '../../src/msgpack/writer.ts'

/** From the MessagePack specification and Tarantool's own encoder, not from ours. */
const GOLDEN: readonly (readonly [name: string, value: unknown, hex: string])[] = [
  ['null', null, 'c0'],
  ['undefined', undefined, 'c0'],
  ['false', false, 'c2'],
  ['true', true, 'c3'],
  ['0', 0, '00'],
  ['127', 127, '7f'],
  ['128', 128, 'cc80'],
  ['255', 255, 'ccff'],
  ['256', 256, 'cd0100'],
  ['65535', 65_535, 'cdffff'],
  ['65536', 65_536, 'ce00010000'],
  ['2^31', 2 ** 31, 'ce80000000'],
  ['2^32 - 1', 2 ** 32 - 1, 'ceffffffff'],
  ['2^32', 2 ** 32, 'cf0000000100000000'],
  ['5000000000, which other codecs send as a float', 5_000_000_000, 'cf000000012a05f200'],
  ['the largest safe integer', Number.MAX_SAFE_INTEGER, 'cf001fffffffffffff'],
  ['-1', -1, 'ff'],
  ['-32', -32, 'e0'],
  ['-33', -33, 'd0df'],
  ['-128', -128, 'd080'],
  ['-129', -129, 'd1ff7f'],
  ['-32768', -32_768, 'd18000'],
  ['-32769', -32_769, 'd2ffff7fff'],
  ['-2^31', -(2 ** 31), 'd280000000'],
  ['-2^31 - 1', -(2 ** 31) - 1, 'd3ffffffff7fffffff'],
  ['the smallest safe integer', Number.MIN_SAFE_INTEGER, 'd3ffe0000000000001'],
  ['-0', -0, 'cb8000000000000000'],
  ['1.5', 1.5, 'cb3ff8000000000000'],
  ['NaN', Number.NaN, 'cb7ff8000000000000'],
  ['Infinity', Number.POSITIVE_INFINITY, 'cb7ff0000000000000'],
  ['2^53, no longer exact', 2 ** 53, 'cb4340000000000000'],
  ['double(1)', double(1), 'cb3ff0000000000000'],
  ['float32(1)', float32(1), 'ca3f800000'],
  ['float32(0.1), rounded', float32(0.1), 'ca3dcccccd'],
  ['a small bigint', 7n, '07'],
  ['uint64 max', 2n ** 64n - 1n, 'cfffffffffffffffff'],
  ['int64 min', -(2n ** 63n), 'd38000000000000000'],
  ['an empty string', '', 'a0'],
  ['31 characters', 'x'.repeat(31), `bf${'78'.repeat(31)}`],
  ['32 characters', 'x'.repeat(32), `d920${'78'.repeat(32)}`],
  ['16 two-byte characters', 'ё'.repeat(16), `d920${'d191'.repeat(16)}`],
  ['256 characters', 'x'.repeat(256), `da0100${'78'.repeat(256)}`],
  ['65536 characters', 'x'.repeat(65_536), `db00010000${'78'.repeat(65_536)}`],
  ['a surrogate pair', '😀', 'a4f09f9880'],
  ['a lone surrogate', '\ud800', 'a3efbfbd'],
  ['a Buffer', Buffer.from([1, 2]), 'c4020102'],
  ['256 bytes', new Uint8Array(256), `c50100${'00'.repeat(256)}`],
  ['65536 bytes', new Uint8Array(65_536), `c600010000${'00'.repeat(65_536)}`],
  ['a Uint16Array', new Uint16Array([0x0201]), 'c4020102'],
  ['an empty array', [], '90'],
  ['16 elements', new Array(16).fill(1), `dc0010${'01'.repeat(16)}`],
  ['65536 elements', new Array(65_536).fill(1), `dd00010000${'01'.repeat(65_536)}`],
  ['a hole', new Array(1), '91c0'],
  ['a plain object', { a: 1 }, '81a16101'],
  ['an object without prototype', Object.assign(Object.create(null), { a: 1 }), '81a16101'],
  ['a property that is undefined', { a: undefined }, '81a161c0'],
  ['a Map', new Map([[1, 'x']]), '8101a178'],
  [
    'an instance of a class',
    new (class Point {
      x = 1
    })(),
    '81a17801',
  ],
  ['ext of a fixed size', new Ext(2, Buffer.alloc(16)), `d802${'00'.repeat(16)}`],
  ['ext of 3 bytes', new Ext(-1, Buffer.from([1, 2, 3])), 'c703ff010203'],
  ['ext of 256 bytes', new Ext(1, Buffer.alloc(256)), `c8010001${'00'.repeat(256)}`],
  ['raw MessagePack within a tuple', [1, new RawMsgpack(Buffer.from('93010203', 'hex'))], '920193010203'],
  ['a raw field', new RawField(Buffer.from('a161', 'hex')), 'a161'],
]

test.each(GOLDEN)('%s', (_name, value, hex) => {
  expect(encode(value).toString('hex')).toBe(hex)
})

test('an object of 16 keys has a long header', () => {
  const value = Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`k${i}`, i]))
  expect(encode(value).subarray(0, 3).toString('hex')).toBe('de0010')
  expect(oracle(encode(value))).toEqual(value)
})

describe('a value without a MessagePack form', () => {
  const cyclic: unknown[] = []
  cyclic.push({ again: cyclic })
  const cases: readonly (readonly [name: string, value: unknown, text: string])[] = [
    ['a function', { a: [1, { onClick: () => 1 }] }, '`value.a[1].onClick`: a function'],
    ['a symbol', [Symbol('x')], '`value[0]`: a symbol'],
    ['a bigint beyond 64 bits', [2n ** 64n], 'the bigint 18446744073709551616 is outside'],
    ['a Date', { at: new Date(0) }, '`value.at`: a Date has no MessagePack form; send date.getTime()'],
    ['a Promise', [Promise.resolve()], '`value[0]`: it is a Promise; await it first'],
    ['a Set', { s: new Set([1]) }, 'send [...set]'],
    ['an Error', { e: new RangeError('x') }, 'a RangeError has no MessagePack form'],
    ['a key that is no identifier', { 'a b': () => 1 }, '`value["a b"]`'],
    ['a value in a Map', new Map([['k', () => 1]]), "`value.get('k')`"],
    ['a cycle', cyclic, 'nests deeper than 256 arrays and objects, or contains itself'],
  ]
  test.each(cases)('%s is refused with its place', (_name, value, text) => {
    expect(() => encode(value)).toThrow(
      expect.objectContaining({ code: 'ENCODE_FAILED', message: expect.stringContaining(text) }),
    )
  })

  test('a getter that throws is the cause', () => {
    const cause = new Error('no')
    const value = {
      get a(): never {
        throw cause
      },
    }
    expect(() => encode(value)).toThrow(expect.objectContaining({ code: 'ENCODE_FAILED', cause }))
  })

  test('takes back every byte that was written of it', () => {
    const writer = new Writer(16)
    encodeInto(writer, 'before')
    const { length } = writer
    expect(() => encodeInto(writer, ['x'.repeat(100), () => 1])).toThrow('a function')
    expect(writer.length).toBe(length)
    encodeInto(writer, 'after')
    expect(writer.buffer.toString('latin1', 0, writer.length)).toBe('\xa6before\xa5after')
  })
})

test('a value that would grow beyond the limit is refused while it grows', () => {
  const writer = new Writer(16)
  writer.limit = 1000
  expect(() => encodeInto(writer, new Array(100_000).fill(1))).toThrow(
    expect.objectContaining({ code: 'REQUEST_TOO_LARGE' }),
  )
  expect(writer.buffer.length).toBeLessThan(2000)
})

test('256 levels are encoded, 257 are not', () => {
  const nested = (levels: number): unknown => (levels === 0 ? 1 : [nested(levels - 1)])
  expect(encode(nested(256))).toHaveLength(257)
  expect(() => encode(nested(257))).toThrow('nests deeper')
})

describe('pack', () => {
  test('encodes at once: later changes of the value do not show', () => {
    const value = { list: [1] }
    const packed = pack(value)
    value.list.push(2)
    expect(encode(['a', packed]).toString('hex')).toBe('92a16181a46c69737491' + '01')
  })

  test('refuses a value without a form where it is called', () => {
    expect(() => pack({ f: () => 1 })).toThrow(expect.objectContaining({ code: 'ENCODE_FAILED' }))
  })

  test('values packed one after another keep their own bytes', () => {
    const packed = Array.from({ length: 5000 }, (_, i) => pack([i, 'x'.repeat(i % 50)]))
    for (const [i, { bytes }] of packed.entries()) expect(oracle(bytes)).toEqual([i, 'x'.repeat(i % 50)])
  })
})

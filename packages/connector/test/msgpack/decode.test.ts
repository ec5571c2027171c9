import { describe, expect, test } from 'vitest'
import { decode } from '../../src/msgpack/decode.ts'
import { Ext } from '../../src/msgpack/values.ts'

function fromHex(hex: string): unknown {
  return decode(Buffer.from(hex, 'hex'))
}

const GOLDEN: readonly (readonly [hex: string, value: unknown])[] = [
  ['c0', null],
  ['c2', false],
  ['c3', true],
  ['7f', 127],
  ['e0', -32],
  ['ccff', 255],
  ['cdffff', 65_535],
  ['ceffffffff', 4_294_967_295],
  ['cf001fffffffffffff', Number.MAX_SAFE_INTEGER],
  ['cf0020000000000000', 2n ** 53n],
  ['cfffffffffffffffff', 2n ** 64n - 1n],
  ['d080', -128],
  ['d18000', -32_768],
  ['d280000000', -2_147_483_648],
  ['d3ffe0000000000001', Number.MIN_SAFE_INTEGER],
  ['d3ffe0000000000000', -(2n ** 53n)],
  ['d38000000000000000', -(2n ** 63n)],
  ['ca3fc00000', 1.5],
  ['cb8000000000000000', -0],
  ['a0', ''],
  ['a55a6fc3ab32', 'Zoë2'],
  [`d920${'78'.repeat(32)}`, 'x'.repeat(32)],
  [`da0100${'78'.repeat(256)}`, 'x'.repeat(256)],
  [`db00010000${'78'.repeat(65_536)}`, 'x'.repeat(65_536)],
  ['a4f09f9880', '😀'],
  ['a3efbfbd', '\ufffd'],
  ['c4020102', Buffer.from([1, 2])],
  ['c500020102', Buffer.from([1, 2])],
  ['c6000000020102', Buffer.from([1, 2])],
  ['9301a16100', [1, 'a', 0]],
  [`dc0010${'01'.repeat(16)}`, new Array(16).fill(1)],
  ['dd0000000101', [1]],
  ['82a16101a162c0', { a: 1, b: null }],
  ['de0001a16101', { a: 1 }],
  ['df00000001a16101', { a: 1 }],
  ['8101a178', new Map([[1, 'x']])],
  [
    '82a1610101a178',
    new Map<unknown, unknown>([
      ['a', 1],
      [1, 'x'],
    ]),
  ],
  ['c70309010203', new Ext(9, Buffer.from([1, 2, 3]))],
  ['d4ff07', new Ext(-1, Buffer.from([7]))],
]

test.each(GOLDEN)('%s', (hex, value) => {
  expect(fromHex(hex)).toStrictEqual(value)
})

describe('a string that is not UTF-8', () => {
  test.each(['a2c328', 'a3616280', `d921${'61'.repeat(32)}ff`])('%s becomes a Buffer with its bytes', (hex) => {
    const value = fromHex(hex)
    expect(Buffer.isBuffer(value)).toBe(true)
    expect(hex.endsWith((value as Buffer).toString('hex'))).toBe(true)
  })
})

test('what is handed out does not share memory with the input', () => {
  const input = Buffer.from('92c40101a2c328', 'hex')
  const value = decode(input)
  input.fill(0)
  expect(value).toStrictEqual([Buffer.from([1]), Buffer.from([0xc3, 0x28])])
})

test('a key named __proto__ is a property like any other', () => {
  const value = fromHex('81a95f5f70726f746f5f5f81a16101') as Record<string, unknown>
  expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
  expect(Object.keys(value)).toEqual(['__proto__'])
  expect(value['a']).toBeUndefined()
})

test('keys are told apart although they share a place in the cache of keys', () => {
  const keys = Array.from({ length: 3000 }, (_, i) => `key-${i}`)
  const pairs = keys.map(
    (key, i) =>
      `${(0xa0 | key.length).toString(16)}${Buffer.from(key).toString('hex')}cd${i.toString(16).padStart(4, '0')}`,
  )
  const header = `de${keys.length.toString(16).padStart(4, '0')}`
  // Twice in one array, so that the second map is read with a full cache.
  const value = fromHex(`92${header}${pairs.join('')}${header}${pairs.join('')}`)
  const expected = Object.fromEntries(keys.map((key, i) => [key, i]))
  expect(value).toEqual([expected, expected])
})

describe('bytes that are not one value', () => {
  const cases: readonly (readonly [name: string, hex: string])[] = [
    ['nothing', ''],
    ['a cut integer', 'cd01'],
    ['a cut string', 'a361'],
    ['a cut map', '82a16101'],
    ['an array that declares more than follows', 'ddffffffff01'],
    ['a map that declares more than follows', 'dfffffffff01'],
    ['the byte that begins nothing', 'c1'],
    ['a second value', '0101'],
  ]
  test.each(cases)('%s', (_name, hex) => {
    expect(() => fromHex(hex)).toThrow(expect.objectContaining({ code: 'DECODE_FAILED', sent: false }))
  })

  test('nesting beyond the limit is refused, not a stack overflow', () => {
    expect(fromHex(`${'91'.repeat(256)}01`)).toBeInstanceOf(Array)
    expect(() => fromHex(`${'91'.repeat(1_000_000)}01`)).toThrow('nests deeper than 256')
  })
})

import { describe, expect, test } from 'vitest'
import { decode } from '../../src/msgpack/decode.ts'
import { encode } from '../../src/msgpack/encode.ts'
import { Interval } from '../../src/msgpack/ext/interval.ts'
import { readLazyArray } from '../../src/msgpack/lazy.ts'
import type { RawField } from '../../src/msgpack/raw.ts'
import { type Int64Form, Reader } from '../../src/msgpack/reader.ts'
import { ExecuteRequest } from '../../src/protocol/requests/execute.ts'

const FORMS: readonly Int64Form[] = ['safe', 'bigint', 'number', 'string']
const SAFE = 2n ** 53n - 1n

/** Each row: an integer, then what it is in each of the forms. */
const INTEGERS: readonly (readonly [bigint, number | bigint, number | bigint, number, number | string])[] = [
  [2n ** 32n - 1n, 4_294_967_295, 4_294_967_295, 4_294_967_295, 4_294_967_295],
  [2n ** 32n, 4_294_967_296, 2n ** 32n, 4_294_967_296, 4_294_967_296],
  [SAFE, Number(SAFE), SAFE, Number(SAFE), Number(SAFE)],
  [SAFE + 2n, SAFE + 2n, SAFE + 2n, 2 ** 53, '9007199254740993'],
  [2n ** 64n - 1n, 2n ** 64n - 1n, 2n ** 64n - 1n, 2 ** 64, '18446744073709551615'],
  [-(2n ** 31n), -2_147_483_648, -2_147_483_648, -2_147_483_648, -2_147_483_648],
  [-(2n ** 31n) - 1n, -2_147_483_649, -(2n ** 31n) - 1n, -2_147_483_649, -2_147_483_649],
  [-SAFE, -Number(SAFE), -SAFE, -Number(SAFE), -Number(SAFE)],
  [-SAFE - 2n, -SAFE - 2n, -SAFE - 2n, -(2 ** 53), '-9007199254740993'],
  [-(2n ** 63n), -(2n ** 63n), -(2n ** 63n), -(2 ** 63), '-9223372036854775808'],
]

function readerOf(value: unknown, int64: Int64Form): Reader {
  const bytes = encode(value)
  const reader = new Reader(undefined, int64)
  reader.load(bytes, 0, bytes.length)
  return reader
}

describe.each(FORMS)('int64: %s', (form) => {
  test.each(INTEGERS)('%s', (value, ...expected) => {
    const wanted = expected[FORMS.indexOf(form)]
    expect(decode(encode(value), undefined, form)).toBe(wanted)
    expect(decode(encode({ a: [value] }), undefined, form)).toEqual({ a: [wanted] })
  })

  test('a lazy field decodes by it', () => {
    const value = SAFE + 2n
    const [field] = readLazyArray(readerOf([value], form), { depth: 0, index: 0 }) as [RawField]
    expect(field.decode()).toBe(decode(encode(value), undefined, form))
  })

  test('an interval beyond 32 bits is as it was', () => {
    const interval = new Interval({ sec: 5_000_000_000, hour: -5_000_000_000 })
    expect(decode(encode(interval), undefined, form)).toEqual(interval)
  })

  test('what SQL says of a statement comes as ever, its rows by the option', () => {
    const info = new Map<number, unknown>([
      [0, 2 ** 33],
      [1, [2 ** 33, SAFE + 2n]],
    ])
    const body = new Map<number, unknown>([
      [0x42, info],
      [0x30, [[SAFE + 2n]]],
    ])
    const reader = readerOf(body, form)
    const { rowCount, autoincrementIds, rows } = new ExecuteRequest('', [], 'array').readReply(reader)
    expect({ rowCount, autoincrementIds }).toEqual({ rowCount: 2 ** 33, autoincrementIds: [2 ** 33, SAFE + 2n] })
    expect(rows).toEqual([[decode(encode(SAFE + 2n), undefined, form)]])
  })
})

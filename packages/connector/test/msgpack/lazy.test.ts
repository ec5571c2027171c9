import { describe, expect, test } from 'vitest'
import { encode } from '../../src/msgpack/encode.ts'
import { readLazyArray } from '../../src/msgpack/lazy.ts'
import { RawField, RawMsgpack } from '../../src/msgpack/raw.ts'
import { Reader } from '../../src/msgpack/reader.ts'

function lazily(value: unknown, depth: number, index: number): unknown[] {
  const bytes = encode(value)
  const reader = new Reader()
  reader.load(bytes, 0, bytes.length)
  const array = readLazyArray(reader, { depth, index })
  expect(reader.position).toBe(bytes.length)
  // Whoever keeps a field must not depend on memory that the next reply overwrites.
  bytes.fill(0xc1)
  return array
}

describe('a lazy field', () => {
  test('of the results themselves', () => {
    const [first, second] = lazily([1, { a: [2] }], 0, 1)
    expect(first).toBe(1)
    expect(second).toBeInstanceOf(RawField)
    expect((second as RawField).decode()).toEqual({ a: [2] })
  })

  test('of every array one deep', () => {
    const tasks = lazily(
      [
        [1, 't', { a: 1 }],
        [2, 't', 'text'],
      ],
      1,
      2,
    ) as [number, string, RawField][]
    expect(tasks.map(([id, state]) => [id, state])).toEqual([
      [1, 't'],
      [2, 't'],
    ])
    expect(tasks.map(([, , data]) => data.decode())).toEqual([{ a: 1 }, 'text'])
  })

  test('of arrays two deep, beside values that are no arrays', () => {
    const [tasks, more] = lazily([[[7, 't', [1]]], { not: [1, 2, [3]] }], 2, 2) as [
      [number, string, RawField][],
      unknown,
    ]
    expect(tasks[0]?.[2].decode()).toEqual([1])
    expect(more).toEqual({ not: [1, 2, [3]] })
  })

  test('that is not there changes nothing', () => {
    expect(lazily([[1], null, []], 1, 2)).toEqual([[1], null, []])
  })

  test('keeps its bytes as they came', () => {
    const [field] = lazily([new RawMsgpack(Buffer.from('cd0001', 'hex'))], 0, 0) as [RawField]
    expect(field.bytes.toString('hex')).toBe('cd0001')
    expect(encode([field]).toString('hex')).toBe('91cd0001')
  })
})

describe('RawMsgpack', () => {
  test.each(['', 'c1', 'a361', '0101', '9201'])('refuses %j, which is not one value', (hex) => {
    expect(() => new RawMsgpack(Buffer.from(hex, 'hex'))).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
  })

  test.each([
    'c0',
    'cc80',
    'd9021234',
    'c7020a0102',
    'd80a'.padEnd(36, '0'),
    '8101920203',
    'dc0001dd00000001df00000001a0de0000',
    'cb0000000000000000',
    'c403010203',
  ])('takes %s', (hex) => {
    expect(new RawMsgpack(Buffer.from(hex, 'hex')).bytes.toString('hex')).toBe(hex)
  })
})

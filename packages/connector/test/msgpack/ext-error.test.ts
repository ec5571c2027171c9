import { expect, test } from 'vitest'
import { UsageError } from '../../src/errors.ts'
import { decode } from '../../src/msgpack/decode.ts'
import { encode } from '../../src/msgpack/encode.ts'
import { ErrorValue } from '../../src/msgpack/ext/error-value.ts'
import { Uuid } from '../../src/msgpack/ext/uuid.ts'

/** Recorded from 3.8.0: `box.error.new()` returned from a function. */
const ONE_FRAME =
  'c73d038100918700ab436c69656e744572726f7202ceffffffff01a35b435d03' +
  'aa617320612076616c75650400052c0681a46e616d65a944524f505f55534552'
/** From 2.11.9: a custom error caused by another. */
const TWO_FRAMES =
  'c763038100928700ab437573746f6d4572726f72020c01aa7365727665722e6c756103a56f757465720400052b0681ab' +
  '637573746f6d5f74797065a64d79547970658600ab436c69656e744572726f7202ceffffffff01a35b435d03a5696e6e65720400052a'

function decodeHex(hex: string): ErrorValue {
  const value = decode(Buffer.from(hex, 'hex'))
  expect(value).toBeInstanceOf(ErrorValue)
  // Just asserted.
  return value as ErrorValue
}

test('an error that is a value keeps its frame and fields', () => {
  const error = decodeHex(ONE_FRAME)
  expect(error.frames).toEqual([
    {
      type: 'ClientError',
      file: '[C]',
      line: 4_294_967_295,
      message: 'as a value',
      errno: 0,
      number: 44,
      fields: { name: 'DROP_USER' },
    },
  ])
  expect(error).toMatchObject({ type: 'ClientError', message: 'as a value', number: 44 })
  expect(String(error)).toBe('ClientError: as a value')
})

test('the error that caused another is its second frame', () => {
  const error = decodeHex(TWO_FRAMES)
  expect(error.frames.map(({ type, message, number }) => [type, message, number])).toEqual([
    ['CustomError', 'outer', 43],
    ['ClientError', 'inner', 42],
  ])
  expect(error.frames[0]?.fields).toEqual({ custom_type: 'MyType' })
  expect(error.frames[1]?.fields).toEqual({})
})

test('an error goes back as the bytes that it came in', () => {
  expect(encode(decodeHex(ONE_FRAME)).toString('hex')).toBe(ONE_FRAME)
  expect(encode(decodeHex(TWO_FRAMES)).toString('hex')).toBe(TWO_FRAMES)
})

test('the fields of an error may hold extensions', () => {
  const id = Uuid.random()
  const frame = { type: 'CustomError', file: '', line: 0, message: 'refused', errno: 0, number: 1, fields: { id } }
  expect(decode(encode({ error: new ErrorValue([frame]) }))).toEqual({ error: new ErrorValue([frame]) })
})

test('a payload without frames fails with DECODE_FAILED', () => {
  for (const hex of ['d40380', 'd40301', 'c70303810090']) {
    expect(() => decode(Buffer.from(hex, 'hex'))).toThrow(expect.objectContaining({ code: 'DECODE_FAILED' }))
  }
})

test('an error without frames is refused', () => {
  expect(() => new ErrorValue([])).toThrow(UsageError)
})

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { UsageError } from '../../src/errors.ts'
import { decode } from '../../src/msgpack/decode.ts'
import { encode } from '../../src/msgpack/encode.ts'
import { Uuid } from '../../src/msgpack/ext/uuid.ts'

const TEXT = '64d22e4d-ac92-4a23-899a-e59f34af5479'
/** What `msgpack.encode(uuid.fromstr(TEXT))` gives on 2.6.0, 2.11.9 and 3.8.0. */
const HEX = 'd80264d22e4dac924a23899ae59f34af5479'

test('a uuid is encoded as the server does, and comes back', () => {
  expect(encode(new Uuid(TEXT)).toString('hex')).toBe(HEX)
  const decoded = decode(Buffer.from(HEX, 'hex'))
  expect(decoded).toBeInstanceOf(Uuid)
  expect(String(decoded)).toBe(TEXT)
})

test('text in any case gives the same uuid', () => {
  expect(new Uuid(TEXT.toUpperCase()).equals(Uuid.from(TEXT))).toBe(true)
  expect(Uuid.from(TEXT).equals(Uuid.from('00000000-0000-0000-0000-000000000000'))).toBe(false)
})

test('bytes and text name the same uuid', () => {
  const bytes = new Uint8Array(Buffer.from(`ff${HEX.slice(4)}ff`, 'hex')).subarray(1, 17)
  expect(Uuid.from(bytes).text).toBe(TEXT)
  expect(Uuid.from(TEXT).toBytes()).toEqual(Buffer.from(bytes))
})

test.each(['', TEXT.replaceAll('-', ''), `{${TEXT}}`, `${TEXT}0`, TEXT.replace('6', 'g'), `urn:uuid:${TEXT}`])(
  'the text %j is refused',
  (text) => {
    expect(() => new Uuid(text)).toThrow(UsageError)
  },
)

test('what only prints like a uuid is refused', () => {
  // A caller without types.
  const given = new Uuid(TEXT) as unknown as string
  expect(() => new Uuid(given)).toThrow('(object)')
})

test('bytes of another length are refused', () => {
  expect(() => Uuid.from(new Uint8Array(15))).toThrow('16 bytes, got 15')
})

test.each(['d7020102030405060708', `c71102${'00'.repeat(17)}`])(
  'a payload of another length, %s, fails with DECODE_FAILED',
  (hex) => {
    expect(() => decode(Buffer.from(hex, 'hex'))).toThrow(
      expect.objectContaining({ code: 'DECODE_FAILED', message: 'This is not a uuid: it has not 16 bytes' }),
    )
  },
)

test('random gives version 4, another one each time', () => {
  const [a, b] = [Uuid.random(), Uuid.random()]
  expect(a.text).toMatch(/^.{14}4.{4}[89ab]/)
  expect(a.equals(b)).toBe(false)
})

test('JSON has the text', () => {
  expect(JSON.stringify([new Uuid(TEXT)])).toBe(`["${TEXT}"]`)
})

test('every uuid comes back from its bytes as it was', () => {
  fc.assert(
    fc.property(fc.uuid(), (text) => {
      expect(decode(encode({ id: new Uuid(text) }))).toEqual({ id: new Uuid(text) })
    }),
  )
})

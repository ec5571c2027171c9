import { isUtf8 } from 'node:buffer'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decode, readValue } from '../../src/msgpack/decode.ts'
import { Reader } from '../../src/msgpack/reader.ts'

/** A str of these bytes, whatever they are. */
function strOf(bytes: Buffer): Buffer {
  const header = Buffer.from([0xdb, 0, 0, 0, 0])
  header.writeUInt32BE(bytes.length, 1)
  return Buffer.concat([header, bytes])
}

/** What the runtime makes of them. */
function expected(bytes: Buffer): string | Buffer {
  return isUtf8(bytes) ? bytes.toString() : bytes
}

test('text of every length comes as it was, be it ASCII or not', () => {
  for (let length = 0; length < 200; length += 1) {
    for (const letter of ['a', 'é', 'Ж', '漢', '😀']) {
      const text = Array.from({ length }, (_, i) => (i % 3 === 0 ? letter : String.fromCharCode(97 + (i % 26)))).join(
        '',
      )
      expect(decode(strOf(Buffer.from(text)))).toBe(text)
    }
  }
})

test('every UTF-16 unit and pair of surrogates at a border of UTF-8 comes as it was', () => {
  const points = [0, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xfeff, 0xfffd, 0xffff, 0x10000, 0x10ffff]
  for (const point of points) {
    const text = `Ж${String.fromCodePoint(point)}`
    expect(decode(strOf(Buffer.from(text)))).toBe(text)
  }
})

test('bytes that are not UTF-8 come as bytes', () => {
  const wrong = ['80', 'c0af', 'c1bf', 'e08080', 'e09fbf', 'eda080', 'edbfbf', 'f08080bf', 'f4908080', 'f5808080', 'ff']
  const cut = ['d0', 'e6bc', 'f09f98', 'd041', 'e6bc41', 'f09f9841', 'e641bc', 'f041']
  for (const hex of [...wrong, ...cut]) {
    for (const padding of ['', 'Ж', 'a'.repeat(20), 'a'.repeat(100)]) {
      const bytes = Buffer.concat([Buffer.from(padding), Buffer.from(hex, 'hex'), Buffer.from(padding)])
      expect(decode(strOf(bytes))).toEqual(bytes)
    }
  }
})

test('any bytes give what the runtime would give', () => {
  const parts = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 100 }).map((text) => Buffer.from(text)),
    fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes)),
  )
  fc.assert(
    fc.property(fc.array(parts, { maxLength: 8 }), (chunks) => {
      const bytes = Buffer.concat(chunks)
      expect(decode(strOf(bytes))).toEqual(expected(bytes))
    }),
    { numRuns: 2000 },
  )
})

test('a key is not taken for another one with the same ends and middle', () => {
  const keys = ['a12c34e', 'a1Xc34e', 'a12cX4e', 'a12c34e']
  const bytes = Buffer.concat(
    keys.map((key) => Buffer.concat([Buffer.from([0x81, 0xa0 | key.length]), Buffer.from(key), Buffer.from([1])])),
  )
  const list = decode(Buffer.concat([Buffer.from([0x94]), bytes]))
  expect(list).toEqual(keys.map((key) => ({ [key]: 1 })))
})

test('the texts of one value do not change with those of the next', () => {
  const message = (letter: string): Buffer =>
    Buffer.concat([Buffer.from([0x92]), strOf(Buffer.from(letter.repeat(20))), strOf(Buffer.from(letter.repeat(30)))])
  // In the same memory, as replies are.
  const memory = message('a')
  const first = decode(memory)
  message('b').copy(memory)
  expect(decode(memory)).toEqual(['b'.repeat(20), 'b'.repeat(30)])
  expect(first).toEqual(['a'.repeat(20), 'a'.repeat(30)])
})

test('text of every length is its own bytes alone, however much of whatever stands behind it', () => {
  for (let length = 0; length < 40; length += 1) {
    const text = Array.from({ length }, (_, i) => String.fromCharCode(97 + (i % 26))).join('')
    for (const behind of ['', '20', 'f0'.repeat(10), 'ff'.repeat(40)]) {
      const bytes = Buffer.concat([strOf(Buffer.from(text)), Buffer.from(behind, 'hex')])
      const reader = new Reader()
      reader.load(bytes, 0, bytes.length)
      expect(readValue(reader, 0)).toBe(text)
      expect(reader.position).toBe(5 + length)
    }
  }
})

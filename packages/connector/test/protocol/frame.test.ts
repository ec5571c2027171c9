import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { readRecording } from '../../../../test/helpers/recorded.ts'
import { FrameReader } from '../../src/protocol/frame.ts'

const packets = readRecording('3.8.0').requests.flatMap(({ replies = [] }) => replies.map(({ bytes }) => bytes))

/** The frames of these chunks, in hex and without their length. */
function framesOf(chunks: readonly Uint8Array[], maxFrameBytes = 1 << 20): string[] {
  const reader = new FrameReader(maxFrameBytes)
  const frames: string[] = []
  for (const chunk of chunks) {
    reader.push(chunk, () => frames.push(reader.buffer.toString('hex', reader.frameStart, reader.frameEnd)))
  }
  return frames
}

function split(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [0, ...[...cuts].sort((a, b) => a - b), bytes.length]
  return places.slice(1).map((end, i) => bytes.subarray(places[i], end))
}

// Requirement 35.
test('any split of the stream gives the same frames', () => {
  const stream = Buffer.from(packets.join(''), 'hex')
  const expected = packets.map((packet) => packet.slice(10))
  fc.assert(
    fc.property(fc.array(fc.nat(stream.length), { maxLength: 40 }), (cuts) => {
      expect(framesOf(split(stream, cuts))).toEqual(expected)
    }),
  )
  expect(framesOf(Array.from(stream, (byte) => Uint8Array.of(byte)))).toEqual(expected)
})

test('frames larger than the memory are put together, and small ones around them stay whole', () => {
  const small = Buffer.from('ce00000002aabb', 'hex')
  const large = Buffer.alloc(5 + 700_000, 7)
  large.writeUInt8(0xce, 0)
  large.writeUInt32BE(700_000, 1)
  const stream = Buffer.concat([small, large, small, large, small])
  for (const size of [1000, 65_536, 100_003, stream.length]) {
    const chunks: Buffer[] = []
    for (let at = 0; at < stream.length; at += size) chunks.push(stream.subarray(at, at + size))
    const frames = framesOf(chunks)
    expect(frames.map((frame) => frame.length / 2)).toEqual([2, 700_000, 2, 700_000, 2])
    expect(frames[3]).toBe('07'.repeat(700_000))
    expect(frames[4]).toBe('aabb')
  }
})

test('memory of a large frame is given back when it has been read', () => {
  const reader = new FrameReader(1 << 30)
  const before = reader.buffer.length
  const large = Buffer.alloc(5 + 4_000_000)
  large.writeUInt8(0xce, 0)
  large.writeUInt32BE(4_000_000, 1)
  reader.push(large, () => expect(reader.buffer.length).toBeGreaterThanOrEqual(4_000_000))
  reader.space()
  expect(reader.buffer.length).toBe(before)
})

test('small frames are asked for little by little, the rest of a large one at once', () => {
  const reader = new FrameReader(1 << 30)
  expect(reader.space().length).toBe(8 * 1024)
  reader.space().set(Buffer.from('ce00003000aabb', 'hex'))
  reader.filled(7)
  expect(reader.next()).toBe(false)
  expect(reader.space().length).toBe(0x3000 - 2)
  reader.filled(0x3000 - 2)
  expect(reader.next()).toBe(true)
  expect(reader.space().length).toBe(8 * 1024)
})

/** Bytes that a reader moves within its memory, and into new memory, while a frame of this size comes in. */
function movedBytes(size: number): number {
  let moved = 0
  const copy = vi.spyOn(Buffer.prototype, 'copy')
  const copyWithin = vi.spyOn(Buffer.prototype, 'copyWithin')
  const reader = new FrameReader(1 << 30)
  const prefix = Buffer.from('ce00000000', 'hex')
  prefix.writeUInt32BE(size, 1)
  let frames = 0
  // As a socket fills it: as much as it offers, 64 KiB at most, and the prefix cut.
  for (const [at, part] of [prefix.subarray(0, 3), prefix.subarray(3)].entries()) {
    reader.space().set(part)
    reader.filled(part.length)
    expect(reader.next(), `part ${at}`).toBe(false)
  }
  for (let left = size; left > 0; ) {
    const read = Math.min(left, reader.space().length, 64 * 1024)
    reader.filled(read)
    left -= read
    while (reader.next()) frames++
  }
  expect(frames).toBe(1)
  for (const { value } of copy.mock.results) moved += Number(value)
  for (const [, start, end] of copyWithin.mock.calls) moved += Number(end) - Number(start)
  copy.mockRestore()
  copyWithin.mockRestore()
  return moved
}

test('a reply costs by its size, not by its square: what has come of a large one is moved once', () => {
  const small = movedBytes(8 << 20)
  const large = movedBytes(32 << 20)
  // What the first reads have brought, before the memory for all of it was made.
  expect(small).toBeLessThanOrEqual(128 * 1024)
  expect(small).toBeGreaterThan(0)
  expect(large).toBe(small)
})

describe('the length may be any unsigned integer', () => {
  test.each(['02aabb', 'cc02aabb', 'cd0002aabb', 'ce00000002aabb', 'cf0000000000000002aabb'])('%s', (hex) => {
    expect(framesOf([Buffer.from(hex, 'hex')])).toEqual(['aabb'])
  })
})

test.each(['80', 'a0', 'c0', 'd0', 'ff'])('a frame cannot begin with %s', (hex) => {
  expect(() => framesOf([Buffer.from(hex, 'hex')])).toThrow(expect.objectContaining({ code: 'PROTOCOL_ERROR' }))
})

test('a frame above the limit is refused as soon as its length is known', () => {
  expect(() => framesOf([Buffer.from('ce00000401', 'hex')], 1024)).toThrow(
    expect.objectContaining({ code: 'FRAME_TOO_LARGE', message: expect.stringContaining('1025') as unknown }),
  )
  expect(() => framesOf([Buffer.from('cfffffffffffffffff', 'hex')])).toThrow(
    expect.objectContaining({ code: 'FRAME_TOO_LARGE' }),
  )
})

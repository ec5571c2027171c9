import { describe, expect, test } from 'vitest'
import { WriteBuffer } from '../../src/connection/write-buffer.ts'

interface Sink {
  readonly out: WriteBuffer
  /** What was written, as it looked then. */
  readonly written: string[]
  /** The memory itself, which a slow socket goes on reading. */
  readonly memory: Buffer[]
}

function sink(takesAtOnce: () => boolean): Sink {
  const written: string[] = []
  const memory: Buffer[] = []
  const out = new WriteBuffer((bytes) => {
    written.push(bytes.toString('latin1'))
    memory.push(bytes)
    return takesAtOnce()
  })
  return { out, written, memory }
}

function add(out: WriteBuffer, text: string): void {
  out.writer.bytes(Buffer.from(text))
  out.added()
}

const turn = (): Promise<void> => new Promise(setImmediate)

describe('requests of one turn', () => {
  test('leave in one write, those of its microtasks with them', async () => {
    const { out, written } = sink(() => true)
    add(out, 'a')
    add(out, 'b')
    await Promise.resolve().then(() => add(out, 'c'))
    expect(written).toEqual([])
    await turn()
    expect(written).toEqual(['abc'])
    add(out, 'd')
    await turn()
    expect(written).toEqual(['abc', 'd'])
  })

  test('leave earlier when they are many bytes', () => {
    const { out, written } = sink(() => true)
    add(out, 'x'.repeat(70_000))
    expect(written.map((text) => text.length)).toEqual([70_000])
  })
})

describe('a socket that has not taken all', () => {
  // Requirement 29.
  test('is given nothing more until it has, then all at once', async () => {
    const { out, written } = sink(() => false)
    add(out, 'a')
    await turn()
    add(out, 'b')
    add(out, 'c')
    await turn()
    expect(written).toEqual(['a'])
    expect(out.position - out.handed).toBe(2)
    out.drained()
    expect(written).toEqual(['a', 'bc'])
    out.drained()
    await turn()
    expect(written).toHaveLength(2)
  })

  test('reads from memory that nobody else writes to', async () => {
    const { out, memory } = sink(() => false)
    add(out, 'first')
    await turn()
    add(out, 'other')
    expect(memory[0]?.toString('latin1')).toBe('first')
    // Its memory is free from here on; that of the next write is not.
    out.drained()
    add(out, 'third')
    expect(memory[1]?.toString('latin1')).toBe('other')
    out.drained()
    add(out, 'fifth')
    expect(memory[2]?.toString('latin1')).toBe('third')
  })
})

test('memory of a burst is given back', async () => {
  const { out } = sink(() => true)
  const before = out.writer.buffer.length
  add(out, 'x'.repeat(3_000_000))
  await turn()
  expect(out.writer.buffer.length).toBe(before)
})

test('after close nothing is written', async () => {
  const { out, written } = sink(() => true)
  add(out, 'a')
  out.close()
  await turn()
  expect(written).toEqual([])
})

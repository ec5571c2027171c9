import { deepStrictEqual } from 'node:assert/strict'
import { encode } from '@tarantella/connector'
import type { Case } from '../harness/measure.ts'
import type { Codec } from './codecs.ts'
import { type Shape, VARIANTS } from './shapes.ts'

/** Says what keeps a codec from the shape; undefined if it gives back what it got, and reads what others wrote. */
export function whyNot(codec: Codec, { values }: Shape): string | undefined {
  try {
    for (const value of values) {
      deepStrictEqual(codec.decode(codec.encode(value)), value)
      deepStrictEqual(codec.decode(encode(value)), value)
    }
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message.split('\n')[0] : String(error)
  }
}

/** Encoding and decoding of one shape by one codec. */
export function casesOf(codec: Codec, { name, values }: Shape): Omit<Case, 'operations'>[] {
  const slice = slicesOf(values)
  return [
    { subject: codec.name, name: `encode ${name}`, inFlight: 1, run: repeat((i) => codec.encode(values[i])) },
    { subject: codec.name, name: `decode ${name}`, inFlight: 1, run: repeat((i) => codec.decode(slice(i))) },
  ]
}

/**
 * The values as they come out of a socket: one behind the other in a larger piece of memory, of which each is cut
 * anew, so that no codec can keep something with the buffer. All read the same bytes: integers as integers, in
 * their shortest form.
 */
function slicesOf(values: readonly unknown[]): (i: number) => Buffer {
  const parts = values.map((value) => encode(value))
  const chunk = Buffer.concat(parts)
  const ends: number[] = []
  for (const part of parts) ends.push((ends.at(-1) ?? 0) + part.length)
  return (i) => chunk.subarray(i === 0 ? 0 : ends[i - 1], ends[i])
}

/** Results are kept for a while, so that none can be optimised away. */
const kept = new Array<unknown>(VARIANTS)

function repeat(act: (i: number) => unknown): Case['run'] {
  return (operations) => {
    for (let i = 0; i < operations; i += 1) kept[i % VARIANTS] = act(i % VARIANTS)
    return Promise.resolve(operations)
  }
}

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
  // All read the same bytes: integers as integers, in their shortest form.
  const bytes = values.map((value) => encode(value))
  return [
    { subject: codec.name, name: `encode ${name}`, inFlight: 1, run: repeat(codec.encode, values) },
    { subject: codec.name, name: `decode ${name}`, inFlight: 1, run: repeat(codec.decode, bytes) },
  ]
}

/** Results are kept for a while, so that none can be optimised away. */
const kept = new Array<unknown>(VARIANTS)

function repeat<T>(act: (input: T) => unknown, inputs: readonly T[]): Case['run'] {
  return (operations) => {
    const last = inputs.length - 1
    for (let i = 0; i < operations; i += 1) {
      // The index is below the length, a power of two.
      kept[i & last] = act(inputs[i & last] as T)
    }
    return Promise.resolve(operations)
  }
}

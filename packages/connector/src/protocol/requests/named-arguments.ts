import { encodeInto, writeArraySize } from '../../msgpack/encode.ts'
import { writeExtHeader } from '../../msgpack/ext/header.ts'
import { NamedTuple } from '../../msgpack/ext/named-tuple.ts'
import { Writer } from '../../msgpack/writer.ts'
import { Key } from '../constants.ts'

/*
 * [argument, …], TUPLE_FORMATS: { format id: [ { "name": str, "type": "any" }, … ], … }
 * argument = ext 7 of a format's id and an array, or any value
 */

/** MP_TUPLE. */
const TYPE = 7

export function hasNamedTuple(args: readonly unknown[]): boolean {
  for (const arg of args) if (arg instanceof NamedTuple) return true
  return false
}

/** Writes arguments and, as one more key of the body, the formats of those that have names. */
export function writeNamedArguments(writer: Writer, args: readonly unknown[]): void {
  const formats = new Map<string, { readonly id: number; readonly names: readonly string[] }>()
  writeArraySize(writer, args.length)
  for (const [i, arg] of args.entries()) {
    if (!(arg instanceof NamedTuple)) {
      encodeInto(writer, arg, `args[${i}]`)
      continue
    }
    const key = JSON.stringify(arg.names)
    const format = formats.get(key) ?? { id: formats.size, names: arg.names }
    formats.set(key, format)
    writeTuple(writer, format.id, arg, `args[${i}]`)
  }
  writer.byte(Key.TUPLE_FORMATS)
  const named = [...formats.values()].map(
    ({ id, names }) => [id, names.map((name) => ({ name, type: 'any' }))] as const,
  )
  encodeInto(writer, new Map(named))
}

/** By way of memory of its own: the size stands before what it is the size of. */
function writeTuple(writer: Writer, formatId: number, tuple: NamedTuple, name: string): void {
  const payload = new Writer(256, writer.extensions)
  payload.limit = writer.limit - writer.length
  encodeInto(payload, formatId)
  encodeInto(payload, tuple.values, name)
  writeExtHeader(writer, TYPE, payload.length)
  writer.bytes(payload.buffer.subarray(0, payload.length))
}

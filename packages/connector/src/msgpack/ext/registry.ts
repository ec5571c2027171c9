import { ProtocolError, UsageError } from '../../errors.ts'
import type { Reader } from '../reader.ts'
import { Ext } from '../values.ts'
import type { Writer } from '../writer.ts'
import { type ExtCodec, invalidPayload, type ReadNested, type WriteNested } from './codec.ts'
import { datetimeCodec } from './datetime.ts'
import { decimalCodec } from './decimal.ts'
import { errorCodec } from './error-value.ts'
import type { Extension, ExtensionTable } from './extension.ts'
import { writeExtHeader } from './header.ts'
import { intervalCodec } from './interval.ts'
import { tupleCodec } from './tuple.ts'
import { uuidCodec } from './uuid.ts'

/** Types 5 (compression) and 8 (arrow) stay `Ext`: what is in them is not for a client. */
const CODECS: readonly ExtCodec<object>[] = [
  decimalCodec,
  uuidCodec,
  errorCodec,
  datetimeCodec,
  intervalCodec,
  tupleCodec,
]

/** Indexed by the type, which is small. */
const BY_TYPE: readonly (ExtCodec<object> | undefined)[] = Array.from({ length: 8 }, (_, type) =>
  CODECS.find((codec) => codec.type === type),
)
const BY_PROTOTYPE: ReadonlyMap<unknown, ExtCodec<object>> = new Map(
  CODECS.map((codec) => [codec.class.prototype, codec]),
)

/**
 * The value of an extension: `reader` stands behind its type, before its `size` bytes of payload.
 * An extension that neither Tarantool nor the user has defined becomes an `Ext`.
 */
export function readExtension(
  reader: Reader,
  type: number,
  size: number,
  depth: number,
  readNested: ReadNested,
): unknown {
  const codec = BY_TYPE[type]
  if (codec === undefined) return readOwn(reader, type, size)
  const { end } = reader
  const start = reader.take(size)
  // The codec sees its payload and no byte more, whatever the payload says of itself.
  reader.position = start
  reader.end = start + size
  try {
    const value = codec.read(reader, depth, readNested)
    if (reader.position !== reader.end) throw invalidPayload(codec.name, 'bytes are left after it')
    return value
  } catch (cause) {
    if (cause instanceof ProtocolError) throw cause
    throw invalidPayload(codec.name, cause instanceof Error ? cause.message : 'it cannot be read', cause)
  } finally {
    reader.end = end
  }
}

function readOwn(reader: Reader, type: number, size: number): unknown {
  const extension = reader.extensions.ofType(type)
  const bytes = reader.copy(size)
  if (extension === undefined) return new Ext(type, bytes)
  try {
    return extension.decode(bytes)
  } catch (cause) {
    throw invalidPayload(`an extension of type ${type}`, 'its `decode` threw an error', cause)
  }
}

/** Writes `value` if its class is an extension's, and says whether it did. */
export function writeExtension(writer: Writer, value: object, depth: number, writeNested: WriteNested): boolean {
  const found = findFor(value, writer.extensions)
  if (found === undefined) return false
  if ('write' in found) found.write(writer, value, depth, writeNested)
  else writeOwn(writer, found, value)
  return true
}

/** Whether the value's class is an extension's. */
export function isExtension(value: object, extensions: ExtensionTable): boolean {
  return findFor(value, extensions) !== undefined
}

/** By the nearest class; what the user has defined comes first. */
function findFor(value: object, extensions: ExtensionTable): ExtCodec<object> | Extension | undefined {
  let prototype: unknown = Object.getPrototypeOf(value)
  while (typeof prototype === 'object' && prototype !== null && prototype !== Object.prototype) {
    const found = extensions.ofPrototype(prototype) ?? BY_PROTOTYPE.get(prototype)
    if (found !== undefined) return found
    prototype = Object.getPrototypeOf(prototype)
  }
  return undefined
}

function writeOwn(writer: Writer, { type, encode }: Extension, value: object): void {
  const bytes = encode(value)
  if (!(bytes instanceof Uint8Array)) {
    throw new UsageError(
      'ENCODE_FAILED',
      `Expected \`encode\` of the extension of type ${type} to return bytes, got a ${typeof bytes}`,
    )
  }
  writeExtHeader(writer, type, bytes.length)
  writer.bytes(bytes)
}

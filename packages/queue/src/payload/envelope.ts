// A payload of another serializer than `native` is stored as
//
//   {"$serializer": name, "text": string}    what it dumped was text
//   {"$serializer": name, "bytes": binary}   what it dumped was bytes
//
// a MessagePack map, which clients in any language can read. Servers before 2.10 give binary back as a
// string, so the name of the field says what it was. A native payload is stored as it is, unless it is a map
// that has the key itself:
//
//   {"$serializer": "native", "value": payload}
import { NATIVE } from './serializers.ts'

export const KEY = '$serializer'

/** What an envelope holds. */
export interface Letter {
  readonly serializer: string
  /** Of the serializer `native` the payload itself, else what was dumped. */
  readonly content: unknown
}

/** The stored form of what a serializer has dumped. */
export function enclose(serializer: string, dumped: string | Uint8Array): unknown {
  return typeof dumped === 'string' ? { [KEY]: serializer, text: dumped } : { [KEY]: serializer, bytes: dumped }
}

/** The stored form of a native payload. */
export function encloseNative(data: unknown): unknown {
  return hasKey(data) ? { [KEY]: NATIVE, value: data } : data
}

/** What a stored payload encloses; `undefined`: it is no envelope, but the payload. */
export function disclose(stored: unknown): Letter | undefined {
  if (!hasKey(stored)) return undefined
  const { [KEY]: serializer, ...rest } = stored
  if (typeof serializer !== 'string') return undefined
  if (serializer === NATIVE) return { serializer, content: rest['value'] }
  const { text, bytes } = rest
  if (typeof text === 'string') return { serializer, content: text }
  if (typeof bytes === 'string') return { serializer, content: Buffer.from(bytes, 'utf8') }
  return { serializer, content: bytes }
}

function hasKey(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, KEY)
}

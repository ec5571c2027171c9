import type { TaskHeaders } from '../diagnostics.ts'
import { KEY } from './envelope.ts'
import { NATIVE } from './serializers.ts'

// Headers stand in the envelope, which a payload with headers always has: {"$serializer": …, "headers": {name: text}}

/** The stored form of a payload, with headers if there are any. */
export function withHeaders(stored: unknown, headers: TaskHeaders | undefined): unknown {
  if (headers === undefined) return stored
  return isEnvelope(stored) ? { ...stored, headers } : { [KEY]: NATIVE, value: stored, headers }
}

/** The headers of a stored payload; what is not text is not given on. */
export function headersOf(stored: unknown): TaskHeaders | undefined {
  if (!isEnvelope(stored)) return undefined
  const { headers } = stored
  if (typeof headers !== 'object' || headers === null) return undefined
  const texts = Object.entries(headers).filter((entry): entry is [string, string] => typeof entry[1] === 'string')
  return texts.length === 0 ? undefined : Object.fromEntries(texts)
}

function isEnvelope(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, KEY)
}

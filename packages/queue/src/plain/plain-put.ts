import { unpack } from '../ports.ts'
import type { FailedItem } from './plain-errors.ts'

/** Other options would be taken for nothing without a word. */
const KNOWN: ReadonlySet<string> = new Set(['pri', 'ttl', 'ttr', 'delay', 'utube'])

/**
 * An encoded item of put_many, `[data, options?]`, as arguments of tarantool/queue's put. A moment becomes a delay
 * by this machine's clock `now` (ms since 1970), for it knows no other.
 */
export function toPlainPut(item: unknown, now: number): [data: unknown, options?: object] | FailedItem {
  // What the tube has packed.
  const [data, options] = unpack(item) as [unknown, Readonly<Record<string, unknown>> | undefined]
  if (options === undefined) return [data]
  const { at, ...rest } = options
  const unknownOption = Object.keys(rest).find((name) => !KNOWN.has(name))
  if (unknownOption !== undefined) {
    return { code: 'INVALID_ARGUMENT', message: `tarantool/queue has no option \`${unknownOption}\` of put` }
  }
  return [data, typeof at === 'number' ? { ...rest, delay: Math.max(0, at - now / 1000) } : rest]
}

import { UsageError } from '../errors.ts'
import { show } from '../options.ts'

/** Values for the parameters of a statement: in order for `?`, or by name for `:name`, `@name` and `$name`. */
export type SqlBind = readonly unknown[] | Readonly<Record<string, unknown>>

const SIGILS: ReadonlySet<string> = new Set([':', '@', '$'])

/**
 * The binds as they travel: a value by position as it is, one by name as a map of one key. A map is therefore
 * never a value by position: an object that a user has sent could choose the parameter it is bound to.
 */
export function bindsFrom(bind: SqlBind): readonly unknown[] {
  if (Array.isArray(bind)) {
    for (const [index, value] of bind.entries()) {
      if (becomesMap(value)) throw mapByPosition(index)
    }
    return bind
  }
  // An array was returned above; Array.isArray does not see that of a readonly one.
  if (isRecord(bind)) return Object.entries(bind as Readonly<Record<string, unknown>>).map(named)
  throw new UsageError('INVALID_ARGUMENT', `Expected \`bind\` to be an array or an object, got ${show(bind)}`)
}

/** The text and the binds of a tagged template: what stands in `${}` is bound, never a part of the text. */
export function templateFrom(
  strings: readonly string[],
  values: readonly unknown[],
): readonly [text: string, bind: SqlBind] {
  // A map has to be bound by name, and a statement counts either names or positions.
  if (!values.some(becomesMap)) return [strings.join('?'), values]
  const names = values.map((_, index) => `:p${index + 1}`)
  const text = strings.map((part, index) => part + (names[index] ?? '')).join('')
  return [text, Object.fromEntries(values.map((value, index) => [`:p${index + 1}`, value]))]
}

function named([name, value]: readonly [string, unknown]): Readonly<Record<string, unknown>> {
  return { [SIGILS.has(name.charAt(0)) ? name : `:${name}`]: value }
}

function becomesMap(value: unknown): boolean {
  return value instanceof Map || isRecord(value)
}

/** Objects of a class of their own are extensions, bytes and the like, or the encoder refuses them. */
function isRecord(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function mapByPosition(index: number): UsageError {
  const message = `Expected \`bind[${index}]\` to be no object: IPROTO takes a map for a bind by name; use \`:name\` in the statement and { name: value }`
  return new UsageError('INVALID_ARGUMENT', message)
}

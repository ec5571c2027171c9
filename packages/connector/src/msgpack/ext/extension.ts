import { UsageError } from '../../errors.ts'

/** Types that Tarantool has given a meaning: decimal to arrow (8). 0 stands for "unknown" there. */
const FIRST_TAKEN = 0
const LAST_TAKEN = 8

// The class of all typed arrays has no global name; it cannot be called, only extended.
const TypedArray = Object.getPrototypeOf(Uint8Array) as abstract new () => object
/** Classes that the encoder looks at before it looks for an extension. */

const ENCODED_BEFORE = [Array, Map, DataView, TypedArray] as const

/**
 * A type of your own that travels as a MessagePack extension.
 * The server keeps such values in fields of type `any` and hands them back; its Lua cannot look into them.
 */
export interface ExtensionDefinition<T extends object> {
  /** -128 to -1 (MessagePack's own, -1 is its timestamp) or 9 to 127; take 32 and above, for Tarantool may go on from 9. */
  readonly type: number
  /** Its instances, and those of its subclasses, are sent as this extension. */
  readonly class: abstract new (
    ...args: never[]
  ) => T
  /** The payload, without the extension's header. The bytes are copied at once. */
  readonly encode: (value: T) => Uint8Array
  /** `bytes` is a copy of the payload and yours to keep. What it throws fails the reply with `DECODE_FAILED`. */
  readonly decode: (bytes: Buffer) => T
}

/** What {@link defineExtension} makes of a definition. */
export interface Extension {
  readonly type: number
  readonly class: abstract new (...args: never[]) => object
  /** For instances of `class` only. */
  readonly encode: (value: object) => Uint8Array
  readonly decode: (bytes: Buffer) => object
}

/**
 * Checks an extension and makes it ready to be passed to a connection.
 * Throws a `UsageError` if the type is Tarantool's own, or if instances of the class have a form already.
 *
 * ```ts
 * const money = defineExtension({
 *   type: 32,
 *   class: Money,
 *   encode: (value) => encode([value.amount, value.currency]),
 *   decode: (bytes) => Money.from(decode(bytes)),
 * })
 * ```
 */
export function defineExtension<T extends object>(definition: ExtensionDefinition<T>): Extension {
  const { type, class: ownClass, encode, decode } = definition
  checkType(type)
  checkClass(ownClass)
  checkFunction('encode', encode)
  checkFunction('decode', decode)
  // The encoder has found the extension by the value's class.
  return Object.freeze({ type, class: ownClass, encode: (value: object) => encode(value as T), decode })
}

function checkType(type: number): void {
  const isFree = type < FIRST_TAKEN || type > LAST_TAKEN
  if (Number.isInteger(type) && type >= -128 && type <= 127 && isFree) return
  const got = `got \`${String(type)}\` (${typeof type})`
  throw new UsageError(
    'INVALID_ARGUMENT',
    `Expected \`type\` to be an integer from -128 to 127 outside of ${FIRST_TAKEN} to ${LAST_TAKEN}, which are Tarantool's, ${got}`,
  )
}

function checkClass(value: unknown): void {
  const prototype: unknown = typeof value === 'function' ? value.prototype : undefined
  if (typeof value !== 'function' || typeof prototype !== 'object' || prototype === null) {
    throw new UsageError(
      'INVALID_ARGUMENT',
      `Expected \`class\` to be a class, got \`${String(value)}\` (${typeof value})`,
    )
  }
  const hasForm = ENCODED_BEFORE.some((known) => known.prototype === prototype || prototype instanceof known)
  if (!hasForm && prototype !== Object.prototype) return
  const why = `instances of ${value.name} are arrays, maps or bytes in MessagePack already`
  throw new UsageError('INVALID_ARGUMENT', `Expected \`class\` to have no form yet: ${why}`)
}

function checkFunction(name: string, value: unknown): void {
  if (typeof value === 'function') return
  throw new UsageError(
    'INVALID_ARGUMENT',
    `Expected \`${name}\` to be a function, got \`${String(value)}\` (${typeof value})`,
  )
}

/** The extensions of a connection, ready to be looked up. */
export class ExtensionTable {
  readonly #byType = new Map<number, Extension>()
  readonly #byPrototype = new Map<unknown, Extension>()

  /** Throws a `UsageError` if two of them have the same type or class. */
  constructor(extensions: readonly Extension[]) {
    for (const extension of extensions) {
      const { type, class: ownClass } = extension
      if (this.#byType.has(type) || this.#byPrototype.has(ownClass.prototype)) {
        throw new UsageError(
          'INVALID_ARGUMENT',
          `Expected one extension per type and class, got another of type ${type}`,
        )
      }
      this.#byType.set(type, extension)
      this.#byPrototype.set(ownClass.prototype, extension)
    }
  }

  ofType(type: number): Extension | undefined {
    return this.#byType.get(type)
  }

  /** The extension of the class that has exactly this prototype. */
  ofPrototype(prototype: unknown): Extension | undefined {
    return this.#byPrototype.get(prototype)
  }
}

export const NO_EXTENSIONS: ExtensionTable = new ExtensionTable([])

import { expected, type ResolvedQueueOptions, requireText, type Serializer } from '../options.ts'

/** The one that is none: the payload is MessagePack by the connector, readable by every client. */
export const NATIVE = 'native'

const TEXT = new TextDecoder('utf-8', { fatal: true })

const json: Serializer = Object.freeze({
  dump: (data: unknown) => {
    // `undefined` for what JSON has no form for, whatever the declared type says.
    const text = JSON.stringify(data) as string | undefined
    if (text === undefined) throw new TypeError(`A payload of type ${typeof data} has no JSON form`)
    return text
  },
  load: (dumped: string | Uint8Array): unknown => JSON.parse(typeof dumped === 'string' ? dumped : TEXT.decode(dumped)),
})

const raw: Serializer = Object.freeze({
  dump: (data: unknown) => {
    if (typeof data === 'string' || data instanceof Uint8Array) return data
    throw expected('data', 'a string, Buffer or Uint8Array, for the serializer `raw`', data)
  },
  load: (dumped: string | Uint8Array) => dumped,
})

/** Most serializers of a queue. */
const MAX_SERIALIZERS = 1000

/** The serializers of a queue, by name. */
export class Serializers {
  readonly #byName = new Map<string, Serializer>([
    ['json', json],
    ['raw', raw],
  ])

  constructor({ serializer, serializers }: Pick<ResolvedQueueOptions, 'serializer' | 'serializers'>) {
    for (const [name, own] of Object.entries(serializers)) this.register(name, own)
    if (!this.has(serializer)) throw expected('serializer', 'the name of a serializer', serializer)
  }

  /** `undefined`: not known here. */
  get(name: string): Serializer | undefined {
    return this.#byName.get(name)
  }

  has(name: string): boolean {
    return name === NATIVE || this.#byName.has(name)
  }

  /** All of its users see it from now on; a name cannot be given twice. */
  register(name: string, serializer: Serializer): void {
    requireText('name', name)
    if (this.has(name)) throw expected('name', 'a name that no serializer has', name)
    if (this.#byName.size >= MAX_SERIALIZERS) throw expected('name', `one of at most ${MAX_SERIALIZERS} names`, name)
    if (typeof serializer.dump !== 'function' || typeof serializer.load !== 'function') {
      throw expected('serializer', 'an object with the functions `dump` and `load`', serializer)
    }
    this.#byName.set(name, serializer)
  }
}

import { UsageError } from '../errors.ts'
import { expected, requireSeconds } from '../options.ts'
import type { TaskId } from '../wire/task-tuple.ts'
import { disclose, enclose, encloseNative } from './envelope.ts'
import { PayloadError } from './payload-error.ts'
import { type PayloadSchema, parse } from './schema.ts'
import { NATIVE, type Serializers } from './serializers.ts'

/** Options of {@link Queue.tube}. */
export interface TubeOptions<In = unknown, Out = In> {
  /** How payloads are stored: `'native'`, `'json'`, `'raw'` or a registered name. @default that of the queue */
  readonly serializer?: string
  /**
   * What is put is checked against it, and stored as given; what is taken is parsed by it, and the task's
   * `data` is what it made of the payload.
   */
  readonly schema?: PayloadSchema<In, Out>
  /**
   * What becomes of a task that was taken and whose payload cannot be used. `'bury'`: it is put aside with the
   * error, or moved to the tube's dead-letter tube. `{ delay }`: it is released, for workers that can use it,
   * after these seconds. @default 'bury'
   */
  readonly undecodable?: 'bury' | { readonly delay: number }
}

/** What a tube does with payloads between its users and the rows. */
export class Codec {
  readonly #tube: string
  readonly #serializers: Serializers
  readonly #byDefault: string
  #options: TubeOptions | undefined

  constructor(tube: string, serializers: Serializers, byDefault: string) {
    this.#tube = tube
    this.#serializers = serializers
    this.#byDefault = byDefault
  }

  get undecodable(): 'bury' | { readonly delay: number } {
    return this.#options?.undecodable ?? 'bury'
  }

  /** Options are given once: a tube of two schemas would be two tubes. */
  configure(options: TubeOptions): void {
    const { serializer, schema, undecodable } = options
    const known = this.#options
    if (known !== undefined) {
      if (known.serializer === serializer && known.schema === schema && isSame(known.undecodable, undecodable)) return
      throw new UsageError('INVALID_ARGUMENT', `Tube ${this.#tube} has other options already: give them once`)
    }
    if (serializer !== undefined) this.#requireKnown(serializer)
    if (schema !== undefined && !isSchema(schema)) throw expected('schema', 'one that follows Standard Schema', schema)
    if (undecodable !== undefined && undecodable !== 'bury') requireSeconds('undecodable.delay', undecodable.delay)
    this.#options = options
  }

  /** The payload as it is stored; a promise where the schema needs one. Throws what the schema or serializer refuses. */
  toStored(data: unknown, serializer?: string): unknown {
    const name = serializer ?? this.#options?.serializer ?? this.#byDefault
    if (serializer !== undefined) this.#requireKnown(serializer)
    const schema = this.#options?.schema
    if (schema === undefined) return this.#dump(data, name)
    const checked = parse(schema, data, { tube: this.#tube })
    // As it was given: what a schema made of it might not pass the schema again, when it is taken.
    return checked instanceof Promise ? checked.then(() => this.#dump(data, name)) : this.#dump(data, name)
  }

  /** The payload of a row; a promise where the schema needs one. Throws a {@link PayloadError}. */
  fromStored(id: TaskId, stored: unknown): unknown {
    const data = this.#load(id, stored)
    const schema = this.#options?.schema
    return schema === undefined ? data : parse(schema, data, { tube: this.#tube, id })
  }

  #dump(data: unknown, name: string): unknown {
    const serializer = this.#serializers.get(name)
    return serializer === undefined ? encloseNative(data) : enclose(name, serializer.dump(data))
  }

  #load(id: TaskId, stored: unknown): unknown {
    const letter = disclose(stored)
    if (letter === undefined) return stored
    const { serializer: name, content } = letter
    if (name === NATIVE) return content
    const facts = { tube: this.#tube, id }
    const serializer = this.#serializers.get(name)
    if (serializer === undefined) {
      const text = `Task ${id} of tube ${this.#tube} was put with the serializer ${name}, which is not registered here`
      throw new PayloadError('UNKNOWN_SERIALIZER', text, facts)
    }
    try {
      if (typeof content !== 'string' && !(content instanceof Uint8Array)) throw new TypeError('It holds no payload')
      return serializer.load(content)
    } catch (cause) {
      const text = `The serializer ${name} cannot read task ${id} of tube ${this.#tube}: ${String(cause)}`
      throw new PayloadError('PAYLOAD_UNREADABLE', text, { ...facts, cause })
    }
  }

  #requireKnown(name: string): void {
    if (!this.#serializers.has(name)) {
      throw new UsageError('INVALID_ARGUMENT', `There is no serializer ${name}: register it with the queue first`)
    }
  }
}

/** What callers without types give may be anything. */
function isSchema(value: unknown): boolean {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false
  const standard: unknown = '~standard' in value ? value['~standard'] : undefined
  return typeof standard === 'object' && standard !== null && 'validate' in standard
}

function isSame(one: TubeOptions['undecodable'], other: TubeOptions['undecodable']): boolean {
  return one === other || (typeof one === 'object' && typeof other === 'object' && one.delay === other.delay)
}

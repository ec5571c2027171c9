import { UsageError } from './errors.ts'

/** Options of a queue client; all about this side only. */
export interface QueueOptions {
  /** Calls joined into one request at most. @default 1000, the server's own limit */
  readonly maxBatch?: number
  /** Bytes of payload joined into one request at most. @default 1 MiB */
  readonly maxBatchBytes?: number
  /** Joined requests of one kind on their way at most, per tube. @default 8 */
  readonly maxBatchesInFlight?: number
  /** Calls of one kind that may wait to be sent, per tube; one more rejects with `OVERLOADED`. @default 100 000 */
  readonly maxWaiting?: number
  /** How payloads are stored: `'native'`, `'json'`, `'raw'`, or a name of `serializers`. @default 'native' */
  readonly serializer?: string
  /** Serializers of your own, by name; see also {@link Queue.register}. */
  readonly serializers?: Readonly<Record<string, Serializer>>
}

/** Turns payloads into text or bytes, and back. `load` gets what `dump` gave, text as text and bytes as bytes. */
export interface Serializer {
  readonly dump: (data: unknown) => string | Uint8Array
  readonly load: (dumped: string | Uint8Array) => unknown
}

export type ResolvedQueueOptions = Required<QueueOptions>

const QUEUE_DEFAULTS: ResolvedQueueOptions = Object.freeze({
  maxBatch: 1000,
  maxBatchBytes: 1024 * 1024,
  maxBatchesInFlight: 8,
  maxWaiting: 100_000,
  serializer: 'native',
  serializers: Object.freeze({}),
})

/** The most tasks that one request may name (`tarantella/const.lua`). */
const SERVER_MAX_BATCH = 1000

export function resolveQueueOptions(options: QueueOptions = {}): ResolvedQueueOptions {
  const resolved = {
    maxBatch: options.maxBatch ?? QUEUE_DEFAULTS.maxBatch,
    maxBatchBytes: options.maxBatchBytes ?? QUEUE_DEFAULTS.maxBatchBytes,
    maxBatchesInFlight: options.maxBatchesInFlight ?? QUEUE_DEFAULTS.maxBatchesInFlight,
    maxWaiting: options.maxWaiting ?? QUEUE_DEFAULTS.maxWaiting,
    serializer: options.serializer ?? QUEUE_DEFAULTS.serializer,
    serializers: options.serializers ?? QUEUE_DEFAULTS.serializers,
  }
  requireInteger('maxBatch', resolved.maxBatch, 1, SERVER_MAX_BATCH)
  requireInteger('maxBatchBytes', resolved.maxBatchBytes, 1)
  requireInteger('maxBatchesInFlight', resolved.maxBatchesInFlight, 1)
  requireInteger('maxWaiting', resolved.maxWaiting, 1)
  return Object.freeze(resolved)
}

/** Options of a put; seconds, as in Tarantool. What is absent is the tube's default. */
export interface PutOptions {
  /** Integer; lower ones are taken first. @default that of the tube, 0 */
  readonly pri?: number
  /** Seconds the task may live, counted from the put; then it is deleted unless it is being worked on. */
  readonly ttl?: number
  /** Seconds a worker may hold the task; then it is ready again. */
  readonly ttr?: number
  /** Seconds until the task becomes ready. */
  readonly delay?: number
  /** Absolute time at which the task becomes ready, instead of `delay`; a past moment means now. */
  readonly at?: Date
  /** Lane: of the tasks with one `utube` only one is taken at a time (types utube and utubettl). */
  readonly utube?: string
  /**
   * Seconds to wait for room in a full tube: of type limfifottl, or with a `capacity` and the `onFull` of
   * `'wait'`; then `QUEUE_FULL`. A put with a timeout travels alone. @default 0
   */
  readonly timeout?: number
  /** No two tasks of the tube have one key: see `dedup`. Needs a tube with the option `dedup`. */
  readonly key?: string
  /**
   * What becomes of the put if there is a task with its `key`: `'reject'`, that one stays as it is;
   * `'replace'`, it gets this payload and these options unless it is taken; `'after'`, if it is taken this
   * put follows when it has ended, the newest of several. PutStatus.dedup tells. @default 'reject'
   */
  readonly dedup?: 'reject' | 'replace' | 'after'
  /** With `dedup: 'replace'`, of a task that is taken: the put is refused, or follows. @default 'reject' */
  readonly taken?: 'reject' | 'after'
  /** With `dedup: 'replace'`: the task's `delay` (or `at`) begins anew, else its moment stays. @default false */
  readonly extend?: boolean
  /** Seconds from the put for which the key is kept, even if its task has ended. @default that of the tube, 0 */
  readonly window?: number
  /** Attempts that may fail, the last one included. Needs a tube with `maxAttempts`, `backoff` or `deadLetter`. */
  readonly maxAttempts?: number
  /** How long the task waits after a failed attempt. Needs a tube as `maxAttempts` does. */
  readonly backoff?: Backoff
  /** How this payload is stored. @default the serializer of the tube, then of the queue */
  readonly serializer?: string
}

/** How long a task waits after a failed attempt, computed by the server. */
export interface Backoff {
  readonly kind: 'fixed' | 'linear' | 'exponential'
  /** Seconds of the first pause. */
  readonly delay: number
  /** Seconds of the longest pause. @default a day, or `delay` if that is longer */
  readonly max?: number
  /** Share of each pause that is random, 0 to 1. @default 0 */
  readonly jitter?: number
}

/** Checks a put's options and gives them the server's form; `undefined` when there are none. */
export function toWirePutOptions(options: PutOptions): Record<string, unknown> | undefined {
  if (!hasOptions(options)) return undefined
  const wire: Record<string, unknown> = toWireAbilityOptions(options)
  for (const name of ['pri', 'ttl', 'ttr', 'delay', 'timeout', 'window'] as const) {
    const value = options[name]
    if (value === undefined) continue
    if (name === 'pri') requireInteger(name, value, Number.MIN_SAFE_INTEGER)
    else requireSeconds(name, value)
    wire[name] = value
  }
  if (options.utube !== undefined) {
    if (typeof options.utube !== 'string') throw expected('utube', 'a string', options.utube)
    wire['utube'] = options.utube
  }
  if (options.at !== undefined) {
    wire['at'] = toUnixSeconds(options.at, options.delay)
  }
  return Object.keys(wire).length === 0 ? undefined : wire
}

/** Most puts have none, and reading each of a dozen names that are not there costs more than to encode a payload. */
function hasOptions(options: PutOptions): boolean {
  for (const name in options) if (name !== 'data') return true
  return false
}

function toWireAbilityOptions({
  key,
  dedup,
  taken,
  extend,
  maxAttempts,
  backoff,
}: PutOptions): Record<string, unknown> {
  const wire: Record<string, unknown> = {}
  if (key !== undefined) {
    requireText('key', key)
    wire['key'] = key
  }
  if (dedup !== undefined) wire['dedup'] = dedup
  if (taken !== undefined) wire['taken'] = taken
  if (extend !== undefined) wire['extend'] = extend
  if (maxAttempts !== undefined) {
    requireInteger('maxAttempts', maxAttempts, 1)
    wire['max_attempts'] = maxAttempts
  }
  if (backoff !== undefined) wire['backoff'] = backoff
  return wire
}

function toUnixSeconds(at: Date, delay: number | undefined): number {
  if (!(at instanceof Date) || Number.isNaN(at.getTime())) throw expected('at', 'a valid Date', at)
  if (delay !== undefined) throw new UsageError('INVALID_ARGUMENT', 'Expected `delay` or `at`, got both')
  return at.getTime() / 1000
}

/** "Expected `x` to be …, got `v` (type)". */
export function expected(name: string, what: string, got: unknown): UsageError {
  return new UsageError(
    'INVALID_ARGUMENT',
    `Expected \`${name}\` to be ${what}, got \`${String(got)}\` (${typeof got})`,
  )
}

export function requireInteger(name: string, value: unknown, min: number, max: number = Number.MAX_SAFE_INTEGER): void {
  if (Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max) return
  if (max !== Number.MAX_SAFE_INTEGER) throw expected(name, `an integer from ${min} to ${max}`, value)
  throw expected(name, min === Number.MIN_SAFE_INTEGER ? 'an integer' : `an integer >= ${min}`, value)
}

export function requireText(name: string, value: unknown): void {
  if (typeof value === 'string' && value !== '') return
  throw expected(name, 'a string that is not empty', value)
}

export function requireSeconds(name: string, value: unknown): void {
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return
  throw expected(name, 'seconds >= 0', value)
}

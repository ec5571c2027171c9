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
}

export type ResolvedQueueOptions = Required<QueueOptions>

const QUEUE_DEFAULTS: ResolvedQueueOptions = Object.freeze({
  maxBatch: 1000,
  maxBatchBytes: 1024 * 1024,
  maxBatchesInFlight: 8,
  maxWaiting: 100_000,
})

/** The most tasks that one request may name (`tarantella/const.lua`). */
const SERVER_MAX_BATCH = 1000

export function resolveQueueOptions(options: QueueOptions = {}): ResolvedQueueOptions {
  const resolved = {
    maxBatch: options.maxBatch ?? QUEUE_DEFAULTS.maxBatch,
    maxBatchBytes: options.maxBatchBytes ?? QUEUE_DEFAULTS.maxBatchBytes,
    maxBatchesInFlight: options.maxBatchesInFlight ?? QUEUE_DEFAULTS.maxBatchesInFlight,
    maxWaiting: options.maxWaiting ?? QUEUE_DEFAULTS.maxWaiting,
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
}

/** Checks a put's options and gives them the server's form; `undefined` when there are none. */
export function toWirePutOptions(options: PutOptions): Record<string, number | string> | undefined {
  const wire: Record<string, number | string> = {}
  let isEmpty = true
  for (const name of ['pri', 'ttl', 'ttr', 'delay'] as const) {
    const value = options[name]
    if (value === undefined) continue
    if (name === 'pri') requireInteger(name, value, Number.MIN_SAFE_INTEGER)
    else requireSeconds(name, value)
    wire[name] = value
    isEmpty = false
  }
  if (options.utube !== undefined) {
    if (typeof options.utube !== 'string') throw expected('utube', 'a string', options.utube)
    wire['utube'] = options.utube
    isEmpty = false
  }
  if (options.at !== undefined) {
    wire['at'] = toUnixSeconds(options.at, options.delay)
    isEmpty = false
  }
  return isEmpty ? undefined : wire
}

function toUnixSeconds(at: Date, delay: number | undefined): number {
  if (!(at instanceof Date) || Number.isNaN(at.getTime())) throw expected('at', 'a valid Date', at)
  if (delay !== undefined) throw new UsageError('INVALID_ARGUMENT', 'Expected `delay` or `at`, got both')
  return at.getTime() / 1000
}

/** The tube types of tarantool/queue, see docs/server.md. */
export type TubeType = 'fifo' | 'fifottl' | 'limfifottl' | 'utube' | 'utubettl'

export interface CreateTubeOptions {
  readonly type: TubeType
  /** An existing tube of this name is left as it is. @default false: it is an error */
  readonly ifNotExists?: boolean
  /** Tasks are lost at a restart. @default false */
  readonly temporary?: boolean
  /** Default of the tasks' `ttl`, seconds. @default 100 years */
  readonly ttl?: number
  /** Default of the tasks' `ttr`, seconds. @default the ttl */
  readonly ttr?: number
  /** Default of the tasks' `pri`. @default 0 */
  readonly pri?: number
  /** limfifottl: most tasks in the tube. @default no limit */
  readonly capacity?: number
}

export function toWireTubeOptions(options: CreateTubeOptions): Record<string, unknown> {
  const wire: Record<string, unknown> = {}
  if (options.ifNotExists !== undefined) wire['if_not_exists'] = options.ifNotExists
  if (options.temporary !== undefined) wire['temporary'] = options.temporary
  for (const name of ['ttl', 'ttr'] as const) {
    const value = options[name]
    if (value === undefined) continue
    requireSeconds(name, value)
    wire[name] = value
  }
  if (options.pri !== undefined) {
    requireInteger('pri', options.pri, Number.MIN_SAFE_INTEGER)
    wire['pri'] = options.pri
  }
  if (options.capacity !== undefined) {
    requireInteger('capacity', options.capacity, 0)
    wire['capacity'] = options.capacity
  }
  return wire
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

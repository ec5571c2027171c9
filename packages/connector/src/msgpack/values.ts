import { UsageError } from '../errors.ts'

/** A MessagePack extension whose type this package does not decode; it travels through unchanged. */
export class Ext {
  /** -128 to 127; Tarantool uses 1 decimal, 2 uuid, 3 error, 4 datetime, 6 interval, 7 tuple. */
  readonly type: number
  readonly data: Buffer

  constructor(type: number, data: Uint8Array) {
    if (!Number.isInteger(type) || type < -128 || type > 127) {
      throw new UsageError(
        'INVALID_ARGUMENT',
        `Expected \`type\` to be an integer from -128 to 127, got \`${String(type)}\``,
      )
    }
    this.type = type
    this.data = Buffer.isBuffer(data) ? data : Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  }
}

/** A number that leaves as MP_DOUBLE even when it is whole; made by {@link double}. */
export class Double {
  readonly value: number

  constructor(value: number) {
    if (typeof value !== 'number') {
      throw new UsageError('INVALID_ARGUMENT', `Expected \`value\` to be a number, got \`${typeof value}\``)
    }
    this.value = value
  }
}

/** A number that leaves as MP_FLOAT, rounded to 32 bits; made by {@link float32}. */
export class Float32 {
  readonly value: number

  constructor(value: number) {
    if (typeof value !== 'number') {
      throw new UsageError('INVALID_ARGUMENT', `Expected \`value\` to be a number, got \`${typeof value}\``)
    }
    this.value = value
  }
}

/** Sends a number as MP_FLOAT: a field of type `float32` takes nothing else (server >= 3.1). */
export function float32(value: number): Float32 {
  return new Float32(value)
}

/**
 * Sends a number as MP_DOUBLE. A field of type `double` takes nothing else before Tarantool 3.0,
 * and a plain `1` would leave as an integer.
 */
export function double(value: number): Double {
  return new Double(value)
}

import msgpack from 'msgpack-lite'
import type { Serializer } from './options.ts'

/**
 * Payloads by the package msgpack-lite, for its own ideas of types (Date, Error, RegExp, bytes as Buffer); a
 * native payload is MessagePack as well, and faster. Needs the package `msgpack-lite`.
 */
export const msgpackLite: Serializer = Object.freeze({
  dump: (data: unknown): Uint8Array => msgpack.encode(data),
  load: (dumped: string | Uint8Array): unknown =>
    msgpack.decode(typeof dumped === 'string' ? Buffer.from(dumped) : dumped),
})

import * as standard from '@msgpack/msgpack'
import { decode, encode } from '@tarantella/connector'
import * as lite from 'msgpack-lite'
import { Packr } from 'msgpackr'

export interface Codec {
  readonly name: string
  readonly encode: (value: unknown) => Uint8Array
  readonly decode: (bytes: Uint8Array) => unknown
}

/** Each in its fastest form that hands out bytes which stay as they are, and plain maps instead of records. */
export const CODECS: readonly ((isWide: boolean) => Codec)[] = [
  () => ({ name: 'tarantella', encode, decode }),
  () => ({ name: 'msgpack-lite', encode: lite.encode, decode: lite.decode }),
  () => {
    // Its types lack 'auto': a number where that is exact, else a bigint.
    const packr = new Packr({ useRecords: false, int64AsType: 'auto' as 'number' })
    return { name: 'msgpackr', encode: (value) => packr.pack(value), decode: (bytes) => packr.unpack(bytes) }
  },
  (isWide) => {
    // With this option on, safe integers above 32 bits would leave as floats, and come as bigint.
    const encoder = new standard.Encoder({ useBigInt64: isWide })
    const decoder = new standard.Decoder({ useBigInt64: isWide })
    return {
      name: '@msgpack/msgpack',
      encode: (value) => encoder.encode(value),
      decode: (bytes) => decoder.decode(bytes),
    }
  },
]

export const CODEC_NAMES: readonly string[] = CODECS.map((make) => make(false).name)

import { encodeInto } from '../../msgpack/encode.ts'
import type { Reader } from '../../msgpack/reader.ts'
import type { Writer } from '../../msgpack/writer.ts'
import { Key, RequestType } from '../constants.ts'
import { CLIENT_FEATURES, CLIENT_PROTOCOL, type Feature, featuresFrom } from '../features.ts'
import { readBody } from '../reply.ts'
import { Request } from '../request.ts'

/*
 * ID body = { VERSION: uint, FEATURES: [uint, …] }; since 2.10, it may come before AUTH
 * Reply   = { VERSION: uint, FEATURES: [uint, …] [, AUTH_TYPE: str] }
 */

export interface Identity {
  readonly protocol: number
  readonly features: ReadonlySet<Feature>
}

/** What a server without IPROTO_ID is. */
export const NO_IDENTITY: Identity = { protocol: 0, features: new Set() }

export class IdRequest extends Request<Identity> {
  readonly type: number = RequestType.ID

  override writeBody(writer: Writer): void {
    writer.byte(0x82)
    writer.byte(Key.VERSION)
    encodeInto(writer, CLIENT_PROTOCOL)
    writer.byte(Key.FEATURES)
    encodeInto(writer, CLIENT_FEATURES)
  }

  override readReply(reader: Reader): Identity {
    let protocol = 0
    let features: ReadonlySet<Feature> = NO_IDENTITY.features
    for (const [key, value] of readBody(reader)) {
      if (key === Key.VERSION && typeof value === 'number') protocol = value
      if (key === Key.FEATURES) features = featuresFrom(value)
    }
    return { protocol, features }
  }

  protected override result(): Identity {
    return NO_IDENTITY
  }
}

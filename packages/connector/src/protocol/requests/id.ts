import { encodeInto } from '../../msgpack/encode.ts'
import type { Reader } from '../../msgpack/reader.ts'
import type { Writer } from '../../msgpack/writer.ts'
import { Key, RequestType } from '../constants.ts'
import { CLIENT_PROTOCOL, clientFeatures, type Feature, featuresFrom } from '../features.ts'
import { readBody } from '../reply.ts'
import { Request } from '../request.ts'

/*
 * ID body = { VERSION: uint, FEATURES: [uint, …] }; since 2.10, it may come before AUTH
 * Reply   = { VERSION: uint, FEATURES: [uint, …] [, AUTH_TYPE: str] }
 */

export interface Identity {
  readonly protocol: number
  readonly features: ReadonlySet<Feature>
  /** How the server wants passwords to be proved; unknown before 2.11. */
  readonly authType: string | undefined
}

/** What a server without IPROTO_ID is. */
export const NO_IDENTITY: Identity = { protocol: 0, features: new Set(), authType: undefined }

export class IdRequest extends Request<Identity> {
  readonly type: number = RequestType.ID

  readonly #tupleFormats: boolean

  /** `tupleFormats`: tuples shall come with the id of their format, and the formats with them. */
  constructor(tupleFormats: boolean) {
    super()
    this.#tupleFormats = tupleFormats
  }

  override writeBody(writer: Writer): void {
    writer.byte(0x82)
    writer.byte(Key.VERSION)
    encodeInto(writer, CLIENT_PROTOCOL)
    writer.byte(Key.FEATURES)
    encodeInto(writer, clientFeatures(this.#tupleFormats))
  }

  override readReply(reader: Reader): Identity {
    let protocol = 0
    let features: ReadonlySet<Feature> = NO_IDENTITY.features
    let authType: string | undefined
    for (const [key, value] of readBody(reader)) {
      if (key === Key.VERSION && typeof value === 'number') protocol = value
      if (key === Key.FEATURES) features = featuresFrom(value)
      if (key === Key.AUTH_TYPE && typeof value === 'string') authType = value
    }
    return { protocol, features, authType }
  }

  protected override result(): Identity {
    return NO_IDENTITY
  }
}

import { writeText } from '../../msgpack/encode.ts'
import type { Writer } from '../../msgpack/writer.ts'
import { Key, RequestType } from '../constants.ts'
import type { Feature } from '../features.ts'
import { Request } from '../request.ts'

/*
 * WATCH body, UNWATCH body, WATCH_ONCE body = { EVENT_KEY: str }
 *   WATCH and UNWATCH have no reply. After a WATCH comes one EVENT, with the value of the moment; the WATCH after it
 *   says that the EVENT was dealt with, and lets the next one come as soon as the value has changed.
 * Reply of WATCH_ONCE = { DATA: [value] }, or { DATA: [] } if the key has no value
 */

abstract class KeyRequest<R> extends Request<R> {
  readonly key: string

  constructor(key: string) {
    super()
    this.key = key
  }

  override writeBody(writer: Writer): void {
    writer.byte(0x81)
    writer.byte(Key.EVENT_KEY)
    writeText(writer, this.key)
  }

  protected override result(data: readonly unknown[]): R {
    // The caller says what the key's values are; the first two requests have no reply.
    return data[0] as R
  }
}

/** Subscribes to a key, or acknowledges its event. */
export class WatchRequest extends KeyRequest<undefined> {
  readonly type: number = RequestType.WATCH
  override readonly requires: Feature | undefined = 'watchers'
}

export class UnwatchRequest extends KeyRequest<undefined> {
  readonly type: number = RequestType.UNWATCH
  override readonly requires: Feature | undefined = 'watchers'
}

/** Asks for the value of a key as it is now. */
// What the caller gets is told by the type parameter alone, as with the other requests.
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters
export class WatchOnceRequest<V> extends KeyRequest<V | undefined> {
  readonly type: number = RequestType.WATCH_ONCE
  override readonly requires: Feature | undefined = 'watch-once'
}

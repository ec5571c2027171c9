import { isPassing } from './errors.ts'
import { requireInteger, requireText } from './options.ts'
import type { Clock } from './ports.ts'
import { type EventPage, readEvents, type TaskEvent } from './wire/events.ts'
import type { QueueServer } from './wire/server.ts'

/** Options of {@link Queue.events}. */
export interface EventOptions {
  /** Goes on after the event with this `seq`; 0 is the oldest that is kept. @default what comes from now on */
  readonly after?: number
  /** Of this tube alone. @default of all tubes with the option `events` */
  readonly tube?: string
  /** Events of one request at most, 1 to 1000. @default 100 */
  readonly limit?: number
  /** Ends the stream: it rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

/** An event of a stream. */
export interface StreamedEvent extends TaskEvent {
  /** Events before this one may be missing: they were trimmed before they were read. */
  readonly isAfterGap: boolean
}

export interface EventSource {
  readonly server: QueueServer
  readonly clock: Clock
  /** Resolves when a session stands, after a lost connection. */
  readonly onReconnect: () => Promise<void>
  /** Aborts when the queue closes: the stream is over. */
  readonly closed: AbortSignal
}

/** Seconds that one request waits at the server. */
const WAIT_S = 20
/** Pauses after a refusal that may pass, ms. */
const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 5000

/** The events after a cursor, for as long as the queue is open: the cursor is kept over lost connections. */
export async function* streamEvents(
  source: EventSource,
  { after, tube, limit = 100, signal }: EventOptions,
): AsyncGenerator<StreamedEvent, void, undefined> {
  if (after !== undefined) requireInteger('after', after, 0)
  if (tube !== undefined) requireText('tube', tube)
  requireInteger('limit', limit, 1, 1000)
  const ends = signal === undefined ? source.closed : AbortSignal.any([source.closed, signal])
  let cursor = after
  let isAfterGap = false
  for (;;) {
    // Where the stream begins now, the first request is only to know where that is.
    const seconds = cursor === undefined ? 0 : WAIT_S
    const page = await readPatiently(source, cursor, { limit, seconds, tube }, ends)
    signal?.throwIfAborted()
    if (page === undefined) return
    cursor = page.cursor
    isAfterGap ||= page.gap
    for (const event of page.events) {
      yield { ...event, isAfterGap }
      isAfterGap = false
    }
  }
}

/** A page; `undefined` when the signal aborts, whatever the request comes to. */
async function readPatiently(
  { server, clock, onReconnect }: EventSource,
  cursor: number | undefined,
  request: { readonly limit: number; readonly seconds: number; readonly tube: string | undefined },
  ends: AbortSignal,
): Promise<EventPage | undefined> {
  for (let pause = FIRST_PAUSE_MS; !ends.aborted; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    try {
      return await unlessAborted(readEvents(server, cursor, request), ends)
    } catch (error) {
      if (!isPassing(error)) throw error
      await clock.sleep(pause, ends)
      await unlessAborted(onReconnect(), ends)
    }
  }
  return undefined
}

/** The value, or `undefined` as soon as the signal aborts. */
function unlessAborted<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value | undefined> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      resolve(undefined)
    }
    signal.addEventListener('abort', abort, { once: true })
    if (signal.aborted) abort()
    promise
      .finally(() => {
        signal.removeEventListener('abort', abort)
      })
      .then(resolve, reject)
  })
}

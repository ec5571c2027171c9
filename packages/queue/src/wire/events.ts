// queue.events(after, limit, timeout, {tube}) → {cursor, events = {{seq, time, tube, id, event, state, extra}, …}, gap}
import { isNumber, optional, toDate, toList, toMap, toNumber, toText } from './maps.ts'
import type { QueueServer } from './server.ts'
import { type TaskId, type TaskState, toState, unexpected } from './task-tuple.ts'

/** What has happened to a task, in a tube with the option `events`. */
export interface TaskEvent {
  /** Its number, by which a stream can go on after it. */
  readonly seq: number
  readonly time: Date
  readonly tube: string
  readonly id: TaskId
  readonly event: string
  /** Of the task afterwards. */
  readonly state: TaskState
  /** Of a put or release that waits: seconds, or the moment. */
  readonly delay?: number
  readonly at?: Date
}

export interface EventPage {
  readonly cursor: number
  readonly events: readonly TaskEvent[]
  readonly gap: boolean
}

/** A page of events after the cursor, `undefined` for now; waits up to `seconds` for the first. */
export async function readEvents(
  server: QueueServer,
  after: number | undefined,
  { limit, seconds, tube }: { readonly limit: number; readonly seconds: number; readonly tube: string | undefined },
): Promise<EventPage> {
  const args = [after ?? null, limit, seconds, ...(tube === undefined ? [] : [{ tube }])]
  const [value] = await server.callWaiting('queue.events', args, seconds)
  const page = toMap(value, 'a page of events')
  return {
    cursor: toNumber(page['cursor'], 'a cursor'),
    events: toList(page['events'], 'an array of events').map(toEvent),
    gap: page['gap'] === true,
  }
}

function toEvent(value: unknown): TaskEvent {
  const [seq, seconds, tube, id, event, state, extra] = toList(value, 'an event')
  const time = toDate(seconds)
  if (time === undefined) throw unexpected('the time of an event', seconds)
  const more = extra === undefined || extra === null ? {} : toMap(extra, 'more of an event')
  const delay = optional(more['delay'], isNumber)
  const at = toDate(more['at'])
  return {
    seq: toNumber(seq, 'the number of an event'),
    time,
    tube: toText(tube, 'the name of a tube'),
    id: toNumber(id, 'the id of a task'),
    event: toText(event, 'the name of an event'),
    state: toState(state),
    ...(delay === undefined ? {} : { delay }),
    ...(at === undefined ? {} : { at }),
  }
}

// queue.subscribe(topic, tube), queue.unsubscribe(topic, tube) → whether that changed anything
// queue.topics({after, limit}) → {{topic, tubes}, …}
// queue.publish(topic, data, opts) → {{tube, id, state}, …}
import { isText, toList, toMap, toText } from './maps.ts'
import type { QueueServer } from './server.ts'
import { type TaskStatus, toStatus } from './task-tuple.ts'

/** A topic and the tubes that are subscribed to it. */
export interface Topic {
  readonly topic: string
  readonly tubes: readonly string[]
}

/** A task that a publication has become in one of the tubes. */
export interface PublishedTask extends TaskStatus {
  readonly tube: string
}

/** One page of what has many. */
export interface PageOptions<Key> {
  /** Goes on after this one. */
  readonly after?: Key
  /** 1 to 1000. @default 100 */
  readonly limit?: number
}

export async function changeSubscription(
  server: QueueServer,
  fn: 'queue.subscribe' | 'queue.unsubscribe',
  topic: string,
  tube: string,
): Promise<boolean> {
  return (await server.call(fn, [topic, tube]))[0] === true
}

export async function listTopics(server: QueueServer, options: PageOptions<string>): Promise<Topic[]> {
  const topics = toList((await server.call('queue.topics', [options]))[0], 'an array of topics')
  return topics.map((topic) => {
    const map = toMap(topic, 'a topic')
    return {
      topic: toText(map['topic'], 'the name of a topic'),
      tubes: toList(map['tubes'], 'an array of tubes').filter(isText),
    }
  })
}

export async function publish(
  server: QueueServer,
  topic: string,
  data: unknown,
  options: object | undefined,
): Promise<PublishedTask[]> {
  const args = options === undefined ? [topic, data] : [topic, data, options]
  const tasks = toList((await server.call('queue.publish', args))[0], 'an array of published tasks')
  return tasks.map((task) => {
    const [tube, ...tuple] = toList(task, 'a published task')
    return { tube: toText(tube, 'the name of a tube'), ...toStatus(tuple) }
  })
}

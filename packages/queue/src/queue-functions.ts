import { Admin } from './admin.ts'
import { type Flow, toWireFlow } from './flow.ts'
import { type PutOptions, requireText, type Serializer, toWirePutOptions } from './options.ts'
import { Codec } from './payload/codec.ts'
import type { Serializers } from './payload/serializers.ts'
import { pack } from './ports.ts'
import { type FlowTask, putFlow } from './wire/flows.ts'
import type { QueueServer } from './wire/server.ts'
import {
  changeSubscription,
  listTopics,
  type PageOptions,
  type PublishedTask,
  publish,
  type Topic,
} from './wire/topics.ts'

/** What can be asked of a queue about several tubes; each is one call. `FUNCTION_MISSING` where the server has none. */
export abstract class QueueFunctions {
  /** What operators ask and do. Needs the role admin. */
  readonly admin: Admin
  readonly #server: QueueServer
  readonly #serializers: Serializers
  /** For payloads that are of several tubes. */
  readonly #codec: Codec

  protected constructor(server: QueueServer, serializers: Serializers, serializer: string) {
    this.admin = new Admin(server)
    this.#server = server
    this.#serializers = serializers
    this.#codec = new Codec('', serializers, serializer)
  }

  /** Makes a serializer of payloads known by name, to all tubes of this queue from now on. */
  register(name: string, serializer: Serializer): void {
    this.#serializers.register(name, serializer)
  }

  /**
   * Puts a task into every tube that is subscribed to a topic, or into none; resolves with the tasks. The
   * tubes' schemas do not see it. Rejects with `QUEUE_FULL` if one of them is full.
   */
  async publish(topic: string, data: unknown, options: Omit<PutOptions, 'timeout'> = {}): Promise<PublishedTask[]> {
    requireText('topic', topic)
    const { value } = pack(this.#codec.toStored(data, options.serializer))
    return await publish(this.#server, topic, value, toWirePutOptions(options))
  }

  /** Resolves with whether the tube was not subscribed before. Needs the role admin. */
  async subscribe(topic: string, tube: string): Promise<boolean> {
    requireText('topic', topic)
    requireText('tube', tube)
    return await changeSubscription(this.#server, 'queue.subscribe', topic, tube)
  }

  /** Resolves with whether the tube was subscribed. Needs the role admin. */
  async unsubscribe(topic: string, tube: string): Promise<boolean> {
    requireText('topic', topic)
    requireText('tube', tube)
    return await changeSubscription(this.#server, 'queue.unsubscribe', topic, tube)
  }

  /** A page of the topics that have tubes, by name. */
  async topics(options: PageOptions<string> = {}): Promise<Topic[]> {
    return await listTopics(this.#server, options)
  }

  /**
   * Puts a tree of tasks in one transaction: each parent waits until its children have ended. At most 10 000
   * tasks and 100 levels; `INVALID_ARGUMENT` names the place of what is wrong. Schemas do not see it.
   */
  async putFlow(flow: Flow): Promise<FlowTask> {
    return await putFlow(
      this.#server,
      toWireFlow(flow, (data) => this.#codec.toStored(data)),
    )
  }
}

import { closedError } from '../connection/failures.ts'
import type { TarantellaError } from '../errors.ts'
import type { KeyEvent } from '../protocol/event.ts'
import type { Request } from '../protocol/request.ts'
import { UnwatchRequest, WatchRequest } from '../protocol/requests/watch.ts'
import { surface } from '../util/surface.ts'

/** Whoever watches a key. */
export interface Listener {
  /** If it returns a promise, it is not called again before that has settled. */
  value(value: unknown): unknown
  /** A value cannot be decoded. */
  failed(error: unknown): void
  /** Nothing will come any more: the client has been closed, by `error` if there is one. */
  ended(error: TarantellaError | undefined): void
}

interface Watcher {
  readonly listener: Listener
  isRunning: boolean
  /** The value has changed while it ran. */
  isBehind: boolean
  isRegistered: boolean
}

/** One key: one subscription on the server for any number of local watchers. */
interface Topic {
  readonly key: string
  readonly watchers: Set<Watcher>
  /** Whether `latest` is of this session. */
  isKnown: boolean
  latest: unknown
  /** The server waits for our word before it tells of the next change. */
  owesAck: boolean
}

/**
 * Watched keys. The server sends an event and then nothing more for that key until it is acknowledged, and then the
 * value as it is by that time. The event is acknowledged as soon as one of the key's watchers is done with it, so
 * that a slow watcher holds up no other; what it misses meanwhile shrinks to the latest value.
 */
export class Watchers {
  readonly #post: (request: Request) => void
  readonly #topics = new Map<string, Topic>()
  #hasEnded = false

  /** `post` sends a request over the session, and does nothing while there is none or it knows no watchers. */
  constructor(post: (request: Request) => void) {
    this.#post = post
  }

  /** Registers a watcher, which hears the present value first; returns the function that ends it. */
  add(key: string, listener: Listener): () => void {
    if (this.#hasEnded) throw closedError()
    const topic = this.#topics.get(key) ?? this.#open(key)
    const watcher: Watcher = { listener, isRunning: topic.isKnown, isBehind: false, isRegistered: true }
    topic.watchers.add(watcher)
    // Whoever registers is not called before it has its subscription.
    if (topic.isKnown) queueMicrotask(() => this.#run(topic, watcher))
    return () => this.#remove(topic, watcher)
  }

  /** A session is there: it knows of no subscription yet. */
  subscribe(): void {
    for (const topic of this.#topics.values()) {
      topic.owesAck = false
      this.#post(new WatchRequest(topic.key))
    }
  }

  /** The session is gone; what was known may have changed when the next one comes. */
  pause(): void {
    for (const topic of this.#topics.values()) topic.isKnown = false
  }

  event({ key, value, error }: KeyEvent): void {
    const topic = this.#topics.get(key)
    // The last watcher may have gone while the event was under way.
    if (topic === undefined) return
    topic.owesAck = true
    const watchers = [...topic.watchers]
    if (error !== undefined) {
      for (const { listener } of watchers) listener.failed(error)
      this.#acknowledge(topic)
      return
    }
    topic.latest = value
    topic.isKnown = true
    for (const watcher of watchers) {
      if (watcher.isRunning) watcher.isBehind = true
      else this.#run(topic, watcher)
    }
  }

  /** The client is closed. */
  end(error: TarantellaError | undefined): void {
    this.#hasEnded = true
    const topics = [...this.#topics.values()]
    this.#topics.clear()
    for (const { watchers } of topics) {
      for (const watcher of watchers) {
        watcher.isRegistered = false
        watcher.listener.ended(error)
      }
    }
  }

  #open(key: string): Topic {
    this.#post(new WatchRequest(key))
    const topic: Topic = { key, watchers: new Set(), isKnown: false, latest: undefined, owesAck: false }
    this.#topics.set(key, topic)
    return topic
  }

  #remove(topic: Topic, watcher: Watcher): void {
    if (!watcher.isRegistered) return
    watcher.isRegistered = false
    topic.watchers.delete(watcher)
    if (topic.watchers.size > 0) return
    this.#topics.delete(topic.key)
    this.#post(new UnwatchRequest(topic.key))
  }

  #run(topic: Topic, watcher: Watcher): void {
    if (!watcher.isRegistered) return
    watcher.isRunning = true
    watcher.isBehind = false
    const done = (): void => {
      watcher.isRunning = false
      if (!watcher.isRegistered) return
      if (watcher.isBehind) this.#run(topic, watcher)
      else this.#acknowledge(topic)
    }
    try {
      const result = watcher.listener.value(topic.latest)
      if (!(result instanceof Promise)) done()
      else result.catch(surface).finally(done)
    } catch (error) {
      surface(error)
      done()
    }
  }

  #acknowledge(topic: Topic): void {
    if (!topic.owesAck) return
    topic.owesAck = false
    this.#post(new WatchRequest(topic.key))
  }
}

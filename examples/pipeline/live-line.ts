import type { Queue, TubeStatistics } from '@tarantella/queue'

/** What the line tells, all of it the server's. */
export interface Sample {
  readonly ready: number
  readonly taken: number
  readonly delayed: number
  /** Calls since the server's start. */
  readonly puts: number
  readonly takes: number
  readonly acks: number
  /** Tasks that were taken and neither acked nor are taken now: they came, or will come, once more. */
  readonly redelivered: number
}

/** Prints what a tube does, again and again. One look is one call, whose cost does not depend on the number of tasks. */
export class LiveLine implements Disposable {
  readonly #queue: Queue
  readonly #tube: string
  readonly #everyMs: number
  readonly #timer: NodeJS.Timeout
  #last: { readonly sample: Sample; readonly at: number } | undefined
  #mostTaken = 0
  #looking: Promise<unknown> = Promise.resolve()
  #nextPrint = 0

  /** @param lookMs between two looks; a line is printed every `everyMs` */
  constructor(queue: Queue, tube: string, { lookMs, everyMs }: { readonly lookMs: number; readonly everyMs: number }) {
    this.#queue = queue
    this.#tube = tube
    this.#everyMs = everyMs
    this.#timer = setInterval(() => {
      this.#looking = this.#look()
    }, lookMs)
  }

  /** The most tasks that were taken at a time, as far as was seen. */
  get mostTaken(): number {
    return this.#mostTaken
  }

  /** Prints the last line; resolves with its numbers. */
  async close(): Promise<Sample> {
    this[Symbol.dispose]()
    await this.#looking
    this.#nextPrint = 0
    return await this.#look()
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }

  async #look(): Promise<Sample> {
    const sample = toSample(await this.#queue.statistics(this.#tube))
    this.#mostTaken = Math.max(this.#mostTaken, sample.taken)
    const at = performance.now()
    if (at >= this.#nextPrint) {
      console.log(lineOf(sample, this.#last, at))
      this.#last = { sample, at }
      this.#nextPrint = at + this.#everyMs
    }
    return sample
  }
}

export function toSample({ tasks, calls }: TubeStatistics): Sample {
  const { put = 0, take = 0, ack = 0 } = calls
  const { ready, taken, delayed } = tasks
  return { ready, taken, delayed, puts: put, takes: take, acks: ack, redelivered: take - ack - taken }
}

function lineOf(now: Sample, last: { readonly sample: Sample; readonly at: number } | undefined, at: number): string {
  const seconds = last === undefined ? 0 : (at - last.at) / 1000
  const rate = (of: (sample: Sample) => number): string =>
    last === undefined || seconds === 0 ? '-' : ((of(now) - of(last.sample)) / seconds).toFixed(0)
  const state = `ready ${now.ready}, taken ${now.taken}, delayed ${now.delayed}`
  return `${state}, put ${rate((s) => s.puts)}/s, take ${rate((s) => s.takes)}/s, ack ${rate((s) => s.acks)}/s, redelivered ${now.redelivered}`
}

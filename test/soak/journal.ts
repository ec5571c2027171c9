import { createReadStream, openSync, writeSync } from 'node:fs'
import { createInterface } from 'node:readline'

/**
 * What a worker process has done, one line each: `kind run data id time`.
 *
 *   s  a handler starts: run number of this process, payload, task id
 *   d  it has ended well     f  it has thrown
 *   a  its ack is confirmed  l  the task was not the worker's any more
 *   x  the connection is lost
 *   g  nothing ran in this process: `data` is for how many microseconds
 *   m  memory: `data` is bytes of the heap in use
 */
export type Kind = 's' | 'd' | 'f' | 'a' | 'l' | 'x' | 'g' | 'm'

export interface Entry {
  readonly kind: Kind
  readonly run: number
  readonly data: number
  readonly id: number
  /** Microseconds of the machine's monotonic clock, which all processes share. */
  readonly time: number
}

export function nowUs(): number {
  return Number(process.hrtime.bigint() / 1000n)
}

/** Writes at once: what was done before a kill -9 stands in the file. */
export class Journal {
  readonly #file: number

  constructor(path: string) {
    this.#file = openSync(path, 'a')
  }

  write(kind: Kind, run: number = 0, data: number = 0, id: number = 0): void {
    writeSync(this.#file, `${kind} ${run} ${data} ${id} ${nowUs()}\n`)
  }
}

/** The entries of a journal; a last line that a kill has cut off is none. */
export async function* readJournal(path: string): AsyncGenerator<Entry> {
  for await (const line of createInterface({ input: createReadStream(path) })) {
    const [kind, run, data, id, time] = line.split(' ')
    if (kind === undefined || time === undefined) continue
    // Our own worker has written it.
    yield { kind: kind as Kind, run: Number(run), data: Number(data), id: Number(id), time: Number(time) }
  }
}

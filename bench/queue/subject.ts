/** A queue as it is measured: a client in this process, and servers of its own. */
export interface QueueSubject extends AsyncDisposable {
  readonly name: string
  /** What a confirmed put and ack outlive. */
  readonly durability: string
  /** What it runs on, by name. */
  readonly versions: Readonly<Record<string, string>>
  /** Puts under way at a time, and handlers that may run at a time. */
  readonly inFlight: number
  /** Puts at least so many tasks, each awaited, while a worker does them; returns with the last ack how many. */
  cycles(count: number): Promise<number>
  /** A worker on an empty queue that calls `onTask` for each task. Absent where `cycles` has said all. */
  idle?(onTask: () => void): Promise<IdleQueue>
}

export interface IdleQueue extends AsyncDisposable {
  put(): Promise<unknown>
  /** How many waits to measure: fewer where each takes long. */
  readonly samples: number
}

/** Why a subject cannot be measured here. */
export class SubjectMissing extends Error {}

export interface Push {
  readonly user: number
  readonly text: string
  readonly data: { readonly badge: number; readonly silent: boolean }
}

export const payload = (user: number): Push => ({
  user,
  text: 'Your horoscope is here',
  data: { badge: 1, silent: false },
})

export const IN_FLIGHT = 256

/** Counts tasks that are done, and tells when so many are. */
export class DoneCounter {
  #left = 0
  #reached: () => void = () => undefined

  /** Resolves after so many calls of {@link add} from now on. */
  expect(count: number): Promise<void> {
    this.#left = count
    return new Promise((resolve) => {
      this.#reached = resolve
    })
  }

  add(count: number = 1): void {
    this.#left -= count
    if (this.#left <= 0) this.#reached()
  }
}

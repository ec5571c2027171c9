import type { Delivery } from '../wire/task-tuple.ts'

export interface IntakeOptions {
  /** A delivery's payload, a promise where that takes time. Throws what is wrong with it. */
  readonly read: (delivery: Delivery) => unknown
  readonly admit: (delivery: Delivery, data: unknown) => void
  readonly refuse: (delivery: Delivery, error: unknown) => void
}

/** Reads the payloads of what has come; only those whose schema takes time wait here. */
export class Intake {
  readonly #options: IntakeOptions
  /** Bounded by the worker's slots. */
  readonly #opening = new Set<Promise<void>>()

  constructor(options: IntakeOptions) {
    this.#options = options
  }

  accept(delivery: Delivery): void {
    const { read, admit, refuse } = this.#options
    let data: unknown
    try {
      data = read(delivery)
    } catch (error) {
      refuse(delivery, error)
      return
    }
    if (data instanceof Promise) this.#acceptLater(delivery, data)
    else admit(delivery, data)
  }

  /** Resolves when all that has come was admitted or refused. */
  async onIdle(): Promise<void> {
    await Promise.all(this.#opening)
  }

  #acceptLater(delivery: Delivery, data: Promise<unknown>): void {
    const { admit, refuse } = this.#options
    const opening = data.then(
      (value) => {
        this.#opening.delete(opening)
        admit(delivery, value)
      },
      (error: unknown) => {
        this.#opening.delete(opening)
        refuse(delivery, error)
      },
    )
    this.#opening.add(opening)
  }
}

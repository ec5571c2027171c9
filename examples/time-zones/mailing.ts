import type { Tube } from '@tarantella/queue'
import { ZONES, type Zone } from './zones.ts'

export interface Recipient {
  readonly id: number
  readonly zone: Zone
}

/** What travels. */
export interface Push {
  readonly id: number
  /** When it is due, milliseconds since 1970: for the checks. */
  readonly dueAt: number
}

/** When somebody in a zone gets it, milliseconds since 1970. */
export type Clock = (zone: Zone) => number

/** A mailing that is put ahead, one task a recipient, each under a key: so it can be repeated, moved and cancelled. */
export class Mailing {
  readonly #name: string
  readonly #tube: Tube<Push>

  /** @param tube one with `dedup` */
  constructor(name: string, tube: Tube<Push>) {
    this.#name = name
    this.#tube = tube
  }

  /**
   * Puts every push that is not there. So a preparation that has broken off is simply run again.
   *
   * @returns how many were there already
   */
  async prepare(recipients: readonly Recipient[], clock: Clock): Promise<number> {
    const outcomes = await Promise.all(
      recipients.map(async ({ id, zone }) => {
        const dueAt = clock(zone)
        const { dedup } = await this.#tube.put({ id, dueAt }, { key: this.#keyOf(id), at: new Date(dueAt) })
        return dedup === 'duplicate'
      }),
    )
    return outcomes.filter(Boolean).length
  }

  /**
   * Gives the pushes that wait another moment. Who has none, because he was cancelled, gets none; but do not cancel
   * while it runs, for a put that finds no task with its key makes one.
   *
   * @returns how many were moved
   */
  async move(recipients: readonly Recipient[], clock: Clock): Promise<number> {
    const outcomes = await Promise.all(
      recipients.map(async ({ id, zone }) => {
        const key = this.#keyOf(id)
        if ((await this.#tube.find({ key })) === undefined) return false
        const dueAt = clock(zone)
        const options = { key, at: new Date(dueAt), dedup: 'replace', extend: true } as const
        return (await this.#tube.put({ id, dueAt }, options)).dedup === 'replaced'
      }),
    )
    return outcomes.filter(Boolean).length
  }

  /** @returns whether it waited, and does no more */
  async cancel(id: number): Promise<boolean> {
    return await this.#tube.cancel(this.#keyOf(id))
  }

  #keyOf(id: number): string {
    return `${this.#name}:${id}`
  }
}

/** Spread over all zones. */
export function makeRecipients(count: number): Recipient[] {
  return Array.from({ length: count }, (_, id) => {
    const zone = ZONES[id % ZONES.length]
    if (zone === undefined) throw new Error('there is no zone')
    return { id, zone }
  })
}

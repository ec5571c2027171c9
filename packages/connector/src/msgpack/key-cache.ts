import { byteAt } from './byte-at.ts'

/** Longer keys are decoded as they come: to compare them would cost what it saves. */
export const MAX_CACHED_KEY = 31

const SLOTS = 512
const ROW = MAX_CACHED_KEY + 1

/**
 * Strings that were map keys lately. Rows and tasks repeat the same few keys, and a key from here costs no
 * new string, no UTF-8 check and is already interned for the property store (a nested map of twelve keys:
 * 1.2 us to decode instead of 2.1). A fixed table, each slot keeps the last key that fell on it.
 *
 * ```
 * row of a slot: | size | the key's bytes … |      size 0: empty
 * ```
 */
export class KeyCache {
  readonly #keys: string[] = new Array<string>(SLOTS).fill('')
  readonly #rows: Uint8Array = new Uint8Array(SLOTS * ROW)

  /** The slot of the key in these bytes, of which there must be 1 to MAX_CACHED_KEY. */
  slotOf(buffer: Uint8Array, at: number, size: number): number {
    // Three bytes tell the keys of one program apart well enough.
    const first = byteAt(buffer, at)
    const middle = byteAt(buffer, at + (size >> 1))
    const last = byteAt(buffer, at + size - 1)
    return (size + first * 5 + middle * 29 + last * 171) & (SLOTS - 1)
  }

  /** The key in these bytes, or undefined if it was not seen lately. */
  get(buffer: Uint8Array, at: number, size: number, slot: number): string | undefined {
    const rows = this.#rows
    const row = slot * ROW
    if (rows[row] !== size) return undefined
    for (let i = 0; i < size; i++) {
      if (rows[row + 1 + i] !== buffer[at + i]) return undefined
    }
    return this.#keys[slot]
  }

  set(buffer: Uint8Array, at: number, size: number, slot: number, key: string): void {
    const row = slot * ROW
    this.#rows[row] = size
    this.#rows.set(buffer.subarray(at, at + size), row + 1)
    this.#keys[slot] = key
  }
}

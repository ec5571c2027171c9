/*
 * Frame = ce <size u32> body, as servers write it
 */
const PREFIX = 5

/** Holds frames until there are so many, and gives them out with the last one first. The stream must begin with a frame. */
export class FrameReverser {
  readonly #groupSize: number
  readonly #group: Buffer[] = []
  #rest: Buffer = Buffer.alloc(0)

  constructor(groupSize: number) {
    this.#groupSize = groupSize
  }

  /** What may leave now that this has come. */
  push(chunk: Buffer): Buffer {
    const leaving: Buffer[] = []
    this.#rest = Buffer.concat([this.#rest, chunk])
    for (let size = this.#frameSize(); size !== undefined; size = this.#frameSize()) {
      this.#group.unshift(this.#rest.subarray(0, size))
      this.#rest = this.#rest.subarray(size)
      if (this.#group.length === this.#groupSize) leaving.push(...this.#group.splice(0))
    }
    return Buffer.concat(leaving)
  }

  /** Of the next frame; undefined if it is not whole yet. */
  #frameSize(): number | undefined {
    if (this.#rest.length < PREFIX) return undefined
    const size = PREFIX + this.#rest.readUInt32BE(1)
    return size <= this.#rest.length ? size : undefined
  }
}

/** `ce` and a size of four bytes, as servers begin every reply. */
const PREFIX = 5

/** Counts whole replies in a stream by their length alone. */
export class FrameCounter {
  /** Type in the header of the latest reply that came in one piece: 0 is OK. */
  lastType = 0
  readonly #prefix = Buffer.alloc(PREFIX)
  #prefixSize = 0
  /** Bytes of the current reply that are still to come. */
  #left = 0

  /** How many replies end in the first `size` bytes of `buffer`. */
  count(buffer: Buffer, size: number): number {
    let frames = 0
    for (let at = 0; at < size; ) {
      if (this.#left > 0) {
        const step = Math.min(this.#left, size - at)
        this.#left -= step
        at += step
        if (this.#left === 0) frames += 1
      } else if (this.#prefixSize === 0 && size - at >= PREFIX) {
        this.#left = buffer.readUInt32BE(at + 1)
        at += PREFIX
        // 83 00 ce <type u32>
        if (size - at >= 7) this.lastType = buffer.readUInt32BE(at + 3)
      } else {
        this.#prefix[this.#prefixSize++] = buffer.readUInt8(at++)
        if (this.#prefixSize === PREFIX) {
          this.#left = this.#prefix.readUInt32BE(1)
          this.#prefixSize = 0
        }
      }
    }
    return frames
  }
}

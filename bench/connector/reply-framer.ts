/*
 * Reply = ce <size u32> 83 00 ce <type u32> 01 cf <sync u64> …
 *   as servers begin every reply; what follows is not looked at
 */
const PREFIX = 5
const TYPE_AT = 8
/** The lower half of it. */
const SYNC_AT = 18
const CAPACITY = 64 * 1024

/** Cuts a stream into replies, which must be small, and says the sync and type of each. */
export class ReplyFramer {
  readonly #bytes = Buffer.alloc(CAPACITY)
  #end = 0

  /** Where the next bytes have to go. */
  space(): Buffer {
    return this.#bytes.subarray(this.#end)
  }

  /** So many bytes are in the latest `space()`. */
  filled(size: number, onReply: (sync: number, type: number) => void): void {
    const bytes = this.#bytes
    const end = this.#end + size
    let at = 0
    while (end - at >= PREFIX) {
      const next = at + PREFIX + bytes.readUInt32BE(at + 1)
      if (next > end) break
      onReply(bytes.readUInt32BE(at + SYNC_AT), bytes.readUInt32BE(at + TYPE_AT))
      at = next
    }
    bytes.copyWithin(0, at, end)
    this.#end = end - at
  }
}

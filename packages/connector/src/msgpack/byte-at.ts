/** The byte at `at`, which the caller knows to be within. Compiled in place of the call, so it costs no more than the index. */
export function byteAt(bytes: Uint8Array, at: number): number {
  // Within, so there is one.
  return bytes[at] as number
}

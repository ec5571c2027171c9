/** What a connection wants to hear from its transport. */
export interface TransportHandlers {
  /** Where the next bytes have to go; asked for before every read. */
  space(): Uint8Array
  /** So many bytes are in the last `space()`. */
  received(size: number): void
  /** All that was written has left: its memory is free again. */
  drained(): void
  /** The end, told once; nothing else is told after it. Undefined: the peer closed without an error. */
  closed(error: Error | undefined): void
}

/** A stream of bytes to the server. */
export interface Transport {
  /**
   * Writes bytes. True: they have left, and their memory may be used again at once. False: it must not be
   * touched, and no other write may follow, until `drained()`.
   */
  write(bytes: Buffer): boolean
  /** Drops the connection; `closed` follows, unless it was told before. */
  destroy(): void
}

/** `securing`: there is a connection, and TLS begins; `greeting`: bytes of the server can come. */
export type TransportStep = 'securing' | 'greeting'

/** Opens a transport. `closed` with an error may be all that is ever told. */
export type OpenTransport = (handlers: TransportHandlers, onStep: (step: TransportStep) => void) => Transport

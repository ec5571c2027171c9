import { connect, type NetConnectOpts, type Socket } from 'node:net'
import type { Address } from '../util/address.ts'
import type { Transport, TransportHandlers } from './transport.ts'

/** First probe of an idle TCP connection; the connection's own ping usually comes before. */
const KEEP_ALIVE_MS = 60_000

/**
 * Opens a TCP or Unix socket. Reads go straight into the memory that `handlers.space()` gives (the `onread`
 * option), which spares a buffer per read and the copy of a frame that is cut between two reads.
 */
export function openSocket(address: Address, handlers: TransportHandlers, onConnect: () => void): Transport {
  const socket = connect({
    ...socketOptions(address),
    onread: {
      buffer: () => handlers.space(),
      callback(size) {
        handlers.received(size)
        return true
      },
    },
  })
  return new SocketTransport(socket, handlers, onConnect)
}

function socketOptions(address: Address): NetConnectOpts {
  if ('path' in address) return { path: address.path }
  // Requests are joined before they are written; Nagle's algorithm would only delay them.
  return {
    host: address.host,
    port: address.port,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_MS,
  }
}

class SocketTransport implements Transport {
  readonly #socket: Socket
  readonly #onWritten: () => void
  #waiting = false

  constructor(socket: Socket, handlers: TransportHandlers, onConnect: () => void) {
    this.#socket = socket
    let failure: Error | undefined
    socket.once('connect', onConnect)
    socket.once('error', (error) => {
      failure = error
    })
    // Always comes last, after 'error' or 'end'; then the socket and its listeners are garbage.
    socket.once('close', () => handlers.closed(failure))
    this.#onWritten = () => {
      if (!this.#waiting || socket.writableLength > 0 || socket.destroyed) return
      this.#waiting = false
      handlers.drained()
    }
  }

  write(bytes: Buffer): boolean {
    this.#socket.write(bytes, this.#onWritten)
    // The kernel mostly takes the bytes within the call; then nothing holds on to the memory.
    this.#waiting = this.#socket.writableLength > 0
    return !this.#waiting
  }

  destroy(): void {
    this.#socket.destroy()
  }
}

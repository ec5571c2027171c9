import { connect, isIP, type NetConnectOpts, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls'
import type { Address } from '../util/address.ts'
import type { TlsOptions } from '../util/tls-options.ts'
import type { Transport, TransportHandlers, TransportStep } from './transport.ts'

/** First probe of an idle TCP connection; the connection's own ping usually comes before. */
const KEEP_ALIVE_MS = 60_000

type OnStep = (step: TransportStep) => void

/**
 * Opens a TCP or Unix socket, with TLS over it if `tls` is given. Reads go straight into the memory that
 * `handlers.space()` gives (the `onread` option), which spares a buffer per read and the copy of a frame that is
 * cut between two reads.
 */
export function openSocket(
  address: Address,
  tls: TlsOptions | undefined,
  handlers: TransportHandlers,
  onStep: OnStep,
): Transport {
  const options: NetConnectOpts = {
    ...socketOptions(address),
    onread: {
      buffer: () => handlers.space(),
      callback(size) {
        handlers.received(size)
        return true
      },
    },
  }
  try {
    return new SocketTransport(tls === undefined ? plain(options, onStep) : secured(options, tls, onStep), handlers)
  } catch (error) {
    // Certificates and keys are parsed at once; what is none throws.
    return failed(error, handlers)
  }
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

function plain(options: NetConnectOpts, onStep: OnStep): Socket {
  return connect(options).once('connect', () => onStep('greeting'))
}

/** What Node's TLS is to know, with its own defaults where a user has said nothing. */
function securityOf(tls: TlsOptions, host: string | undefined): ConnectionOptions {
  // Explicit, so that NODE_TLS_REJECT_UNAUTHORIZED does not switch the check off.
  const security = { ...defined(tls), rejectUnauthorized: tls.rejectUnauthorized ?? true }
  // Node tells the server no name by itself; an IP address must not be told.
  const servername = tls.servername ?? (host !== undefined && isIP(host) === 0 ? host : undefined)
  return servername === undefined ? security : { ...security, servername }
}

/** TLS over a stream that stands already. */
export function secureOver(stream: Duplex, address: Address, tls: TlsOptions): TLSSocket {
  return connectTls({ ...securityOf(tls, 'host' in address ? address.host : undefined), socket: stream })
}

function secured(options: NetConnectOpts, tls: TlsOptions, onStep: OnStep): Socket {
  // Without a socket of ours `connectTls` takes all that `connect` does, `onread` included.
  const all = { ...options, ...securityOf(tls, 'host' in options ? options.host : undefined) } as ConnectionOptions
  return connectTls(all)
    .once('connect', () => onStep('securing'))
    .once('secureConnect', () => onStep('greeting'))
}

function defined(tls: TlsOptions): ConnectionOptions {
  // Node takes undefined for a value in some of them.
  return Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined))
}

function failed(error: unknown, handlers: TransportHandlers): Transport {
  process.nextTick(() => handlers.closed(error instanceof Error ? error : new Error(String(error))))
  return { write: () => true, destroy: () => undefined }
}

class SocketTransport implements Transport {
  readonly #socket: Socket
  readonly #onWritten: () => void
  #waiting = false

  constructor(socket: Socket, handlers: TransportHandlers) {
    this.#socket = socket
    let failure: Error | undefined
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

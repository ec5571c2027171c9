import type { Duplex } from 'node:stream'
import type { Address } from '../util/address.ts'
import type { TlsOptions } from '../util/tls-options.ts'
import { secureOver } from './socket.ts'
import type { Transport, TransportHandlers, TransportStep } from './transport.ts'

/** Opens the way to a server; asked anew for every connection. */
export type OpenStream = () => Duplex | Promise<Duplex>

/**
 * Speaks over a stream of the user's: a descriptor that stands already, a tunnel, a proxy. Against `openSocket` it
 * costs a copy of all that is read and written, for such a stream lends nobody its memory.
 */
export function openStream(
  open: OpenStream,
  address: Address,
  tls: TlsOptions | undefined,
  handlers: TransportHandlers,
  onStep: (step: TransportStep) => void,
): Transport {
  const transport = new StreamTransport(handlers)
  void start(open, transport, (stream) => {
    if (tls === undefined) {
      onStep('greeting')
      return stream
    }
    onStep('securing')
    return secureOver(stream, address, tls).once('secureConnect', () => onStep('greeting'))
  })
  return transport
}

async function start(open: OpenStream, transport: StreamTransport, secure: (stream: Duplex) => Duplex): Promise<void> {
  // Nothing may be told before the connection has its transport.
  await Promise.resolve()
  try {
    const stream: unknown = await open()
    if (!isDuplex(stream)) throw new TypeError(`Expected \`socket\` to give a Duplex stream, got ${typeof stream}`)
    if (transport.isDestroyed) stream.destroy()
    else attach(transport, stream, secure)
  } catch (error) {
    transport.fail(error instanceof Error ? error : new Error(String(error)))
  }
}

function attach(transport: StreamTransport, stream: Duplex, secure: (stream: Duplex) => Duplex): void {
  try {
    transport.attach(secure(stream), stream)
  } catch (error) {
    // Certificates and keys are parsed at once, and what is none throws; nobody else would close the stream.
    stream.destroy()
    throw error
  }
}

function isDuplex(value: unknown): value is Duplex {
  return typeof value === 'object' && value !== null && 'write' in value && 'on' in value && 'destroy' in value
}

class StreamTransport implements Transport {
  isDestroyed = false
  readonly #handlers: TransportHandlers
  #stream: Duplex | undefined
  #isClosed = false

  constructor(handlers: TransportHandlers) {
    this.#handlers = handlers
  }

  /** `below`: what the stream speaks over, which nobody else closes. */
  attach(stream: Duplex, below: Duplex): void {
    this.#stream = stream
    let failure: Error | undefined
    const remember = (error: Error): void => {
      failure ??= error
    }
    stream.once('error', remember)
    if (below !== stream) below.once('error', remember)
    stream.on('data', (bytes: Buffer) => this.#received(bytes))
    stream.on('drain', () => this.#handlers.drained())
    // A peer that ends its side is gone; a stream with `allowHalfOpen` would stay.
    stream.once('end', () => stream.destroy())
    stream.once('close', () => {
      below.destroy()
      this.#close(failure)
    })
  }

  fail(error: Error): void {
    this.#close(error)
  }

  write(bytes: Buffer): boolean {
    // A copy: streams keep what they are given for as long as they like.
    return this.#stream?.write(Buffer.from(bytes)) ?? true
  }

  destroy(): void {
    this.isDestroyed = true
    if (this.#stream === undefined) process.nextTick(() => this.#close(undefined))
    else this.#stream.destroy()
  }

  #received(bytes: Buffer): void {
    let at = 0
    while (at < bytes.length && !this.isDestroyed) {
      const space = this.#handlers.space()
      const size = Math.min(space.length, bytes.length - at)
      space.set(bytes.subarray(at, at + size))
      at += size
      this.#handlers.received(size)
    }
  }

  #close(error: Error | undefined): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#handlers.closed(error)
  }
}

import { connect, type Socket } from 'node:net'
import { deferred } from './deferred.ts'
import { type Course, FaultyPipe } from './faulty-pipe.ts'

export type Direction = 'toServer' | 'toClient'

/** One client of a fault proxy with its connection to the server: two sockets, two pipes between them. */
export class FaultyConnection {
  /** Resolves when both sockets are closed, by whomsoever. */
  readonly closed: Promise<void>
  readonly #sockets: readonly [client: Socket, server: Socket]
  readonly #pipes: Readonly<Record<Direction, FaultyPipe>>

  constructor(client: Socket, serverPort: number, toServer: Course, toClient: Course) {
    const server = connect({ host: '127.0.0.1', port: serverPort, allowHalfOpen: true, noDelay: true })
    const cut = { reset: () => this.reset(), end: () => this.end() }
    this.#sockets = [client, server]
    this.#pipes = {
      toServer: new FaultyPipe(client, server, cut, toServer),
      toClient: new FaultyPipe(server, client, cut, toClient),
    }
    const bothClosed = deferred()
    let open = this.#sockets.length
    for (const socket of this.#sockets) {
      // The error of one side reaches the other as a reset: a proxy has no better way to tell.
      socket.on('error', () => this.reset())
      socket.once('close', () => {
        open -= 1
        if (open === 0) bothClosed.resolve()
      })
    }
    this.closed = bothClosed.promise.then(() => {
      for (const pipe of Object.values(this.#pipes)) pipe.close()
    })
  }

  /** Gives a direction another course from now on; a stalled one goes on with it. */
  setCourse(direction: Direction, course: Course): void {
    this.#pipes[direction].setCourse(course)
  }

  /** Resolves when so many bytes have come to the proxy in this direction; rejects if the connection ends before. */
  arrived(direction: Direction, bytes: number): Promise<void> {
    return this.#pipes[direction].arrived.reached(bytes)
  }

  /** Resolves when so many bytes have left the proxy in this direction; rejects if the connection ends before. */
  passed(direction: Direction, bytes: number): Promise<void> {
    return this.#pipes[direction].passed.reached(bytes)
  }

  /** How many bytes have left the proxy in this direction. */
  passedBytes(direction: Direction): number {
    return this.#pipes[direction].passed.count
  }

  /** RST to both sides. */
  reset(): void {
    for (const socket of this.#sockets) {
      // A socket that is not connected yet has nobody to reset.
      if (socket.connecting) socket.destroy()
      else socket.resetAndDestroy()
    }
  }

  /** FIN to both sides; what they still send is thrown away until they have ended too. */
  end(): void {
    for (const pipe of Object.values(this.#pipes)) pipe.setCourse({ fault: 'discard' })
    // Not destroyed: a socket that is closed with bytes unread sends RST.
    for (const socket of this.#sockets) socket.end()
  }
}

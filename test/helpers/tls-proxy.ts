import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { pipeline } from 'node:stream'
import { createServer, type PeerCertificate, type TLSSocket, type TlsOptions } from 'node:tls'
import { onTestFinished } from 'vitest'

export type CertificateFile = 'ca.pem' | 'other-ca.pem' | 'server.pem' | 'server.key' | 'client.pem' | 'client.key'

/** One of `test/fixtures/tls`; its README says what they are. */
export function certificate(name: CertificateFile): string {
  return readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url), 'utf8')
}

/** Gives TLS to a server that has none: ends it on a free port of 127.0.0.1 and passes the bytes on. */
export interface TlsProxy {
  readonly port: number
  /** Of each client, in the order of their coming: the name it asked for (SNI), and the one its certificate bears. */
  readonly clients: readonly { readonly servername: string | false; readonly subject: string | undefined }[]
}

/** Starts the proxy before `serverPort`, with the certificate of `server.pem`; it goes with the test. */
export async function startTlsProxy(serverPort: number, options: TlsOptions = {}): Promise<TlsProxy> {
  const clients: { servername: string | false; subject: string | undefined }[] = []
  const defaults = { cert: certificate('server.pem'), key: certificate('server.key') }
  const server = createServer({ ...defaults, ...options }, (client) => {
    // Empty where the client has none, which the declarations leave out.
    const peer: Partial<PeerCertificate> = client.getPeerCertificate()
    clients.push({ servername: servernameOf(client), subject: peer.subject?.CN?.toString() })
    const upstream = connect({ host: '127.0.0.1', port: serverPort, noDelay: true })
    const ignore = (): void => undefined
    // A reset of one side destroys the other, which is all that a test wants of it.
    pipeline(client, upstream, ignore)
    pipeline(upstream, client, ignore)
    onClose(() => client.destroy())
  })
  const closers: (() => void)[] = []
  const onClose = (close: () => void): number => closers.push(close)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    for (const close of closers) close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('Expected the address of a TCP server')
  return { port: address.port, clients }
}

function servernameOf(socket: TLSSocket): string | false {
  // The declarations leave it out for a server's side of the socket; Node has it there.
  return (socket as TLSSocket & { servername: string | false }).servername
}

import fc from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import { okReply, startPeer } from '../../../../test/helpers/scripted-peer.ts'
import { connect } from '../../src/client/client.ts'

const CODES = ['CONNECTION_LOST', 'DECODE_FAILED', 'PROTOCOL_ERROR']

// Requirement 30.
test('whatever a server sends into a session, every request settles, and the client goes on', async () => {
  const peer = await startPeer()
  const client = await connect({ port: peer.port, reconnect: { minDelayMs: 1, maxDelayMs: 2 } })
  onTestFinished(() => client.destroy())
  let connection = await peer.connection()
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.boolean(), async (bytes, isReply) => {
      const [first, second] = [client.call('f'), client.call('g')].map((call) => call.catch((error: unknown) => error))
      const { sync } = await connection.request()
      await connection.request()
      const random = Buffer.from(bytes).toString('hex')
      // Once as a body, whose borders are known, and once as anything.
      connection.write(isReply ? okReply(sync, random) : random)
      connection.socket.end()
      for (const result of [await first, await second]) {
        if (result instanceof Error) expect(CODES).toContain((result as Error & { code: string }).code)
      }
      expect(client.stats.inFlight).toBe(0)
      connection = await peer.connection()
    }),
    { numRuns: 100 },
  )
})

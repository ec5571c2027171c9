import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { okReply, type PeerConnection, reply, startPeer } from '../../../../test/helpers/scripted-peer.ts'
import { type Client, connect } from '../../src/client/client.ts'

const CHUNK = 0x80

async function session(): Promise<{ client: Client; connection: PeerConnection }> {
  const peer = await startPeer()
  const client = await connect({ port: peer.port })
  onTestFinished(() => client.destroy())
  return { client, connection: await peer.connection() }
}

/** A pushed value, as servers send it: DATA is an array of the one value. */
function chunk(sync: number, value: string): Buffer {
  return reply(sync, { type: CHUNK, body: `8130dd00000001${value}` })
}

describe('what a request pushes', () => {
  test('is told in its order, before the reply, to its own request alone', async () => {
    const { client, connection } = await session()
    const seen: unknown[] = []
    const first = client
      .call('f', [], { onPush: (value) => seen.push(['f', value]) })
      .then(([value]) => seen.push(['done', value]))
    const second = client.eval('g', [], { onPush: (value) => seen.push(['g', value]) })
    const [f, g] = (await connection.requests(2)).map(({ sync }) => sync)
    const chunks = [chunk(f ?? 0, '01'), chunk(g ?? 0, '81a16102'), chunk(f ?? 0, '9103')]
    connection.write(Buffer.concat([...chunks, okReply(f ?? 0, '9107'), okReply(g ?? 0, '90')]))
    await Promise.all([first, second])
    expect(seen).toEqual([
      ['f', 1],
      ['g', { a: 2 }],
      ['f', [3]],
      ['done', 7],
    ])
    expect(client.stats).toMatchObject({ chunksDropped: 0, unknownReplies: 0, inFlight: 0 })
  })

  test('is dropped and counted where nobody listens, or no longer', async () => {
    const { client, connection } = await session()
    const seen: unknown[] = []
    const controller = new AbortController()
    const deaf = client.call('f')
    const aborted = client.call('g', [], { onPush: (value) => seen.push(value), signal: controller.signal })
    const [f, g] = (await connection.requests(2)).map(({ sync }) => sync)
    controller.abort('mine')
    await expect(aborted).rejects.toBe('mine')
    connection.write(Buffer.concat([chunk(f ?? 0, '01'), chunk(g ?? 0, '02'), chunk(99, '03'), okReply(f ?? 0, '90')]))
    await deaf
    expect(seen).toEqual([])
    expect(client.stats.chunksDropped).toBe(3)
  })

  test('surfaces what its callback throws, and changes nothing for the request', async () => {
    const { client, connection } = await session()
    const errors: unknown[] = []
    const queue = vi.spyOn(globalThis, 'queueMicrotask').mockImplementation((task) => {
      void Promise.resolve()
        .then(task)
        .catch((error: unknown) => errors.push(error))
    })
    onTestFinished(() => queue.mockRestore())
    const onPush = (): never => {
      throw new Error('of the user')
    }
    const call = client.call('f', [], { onPush })
    const { sync } = await connection.request()
    connection.write(Buffer.concat([chunk(sync, '01'), okReply(sync, '9107')]))
    expect(await call).toEqual([7])
    await vi.waitFor(() => expect(errors.map(String)).toEqual(['Error: of the user']))
  })

  test('fails the request if it cannot be decoded, and swallows the reply', async () => {
    const { client, connection } = await session()
    const call = client.call('f', [], { onPush: () => undefined })
    const { sync } = await connection.request()
    connection.write(chunk(sync, 'c1'))
    await expect(call).rejects.toMatchObject({ code: 'DECODE_FAILED', sent: true })
    const ping = client.ping()
    connection.write(Buffer.concat([okReply(sync, '9107'), okReply((await connection.request()).sync)]))
    await ping
    expect(client.stats).toMatchObject({ inFlight: 0, unknownReplies: 0 })
  })

  test('needs a function', async () => {
    const { client } = await session()
    await expect(client.call('f', [], { onPush: 1 as never })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })
})

import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { okReply, type PeerConnection, startPeer } from '../../../../test/helpers/scripted-peer.ts'
import { type Client, connect } from '../../src/client/client.ts'

async function session(): Promise<{ client: Client; connection: PeerConnection; closes: unknown[] }> {
  const peer = await startPeer()
  const client = await connect({ port: peer.port })
  onTestFinished(() => client.destroy())
  const closes: unknown[] = []
  client.on('close', (error) => closes.push(error))
  client.on('disconnect', () => closes.push('disconnect'))
  return { client, connection: await peer.connection(), closes }
}

describe('close', () => {
  test('waits for the replies to a thousand requests in flight, and refuses new ones', async () => {
    const { client, connection, closes } = await session()
    const calls = Array.from({ length: 1000 }, () => client.call('f'))
    const closing = client.close()
    expect(client.status).toBe('draining')
    await expect(client.ping()).rejects.toMatchObject({ code: 'CONNECTION_CLOSED', sent: false, retryable: false })
    for (const { sync } of await connection.requests(1000)) connection.write(okReply(sync, '9107'))
    expect(await Promise.all(calls)).toEqual(calls.map(() => [7]))
    await closing
    expect(client.status).toBe('closed')
    expect(closes).toEqual([undefined])
  })

  test('is the same promise twice, and settles at once when it is done', async () => {
    const { client } = await session()
    expect(client.close()).toBe(client.close())
    await client.close()
    await client.close()
    await client[Symbol.asyncDispose]()
  })

  test('does not wait for requests that have timed out or were aborted', async () => {
    const { client, connection } = await session()
    const controller = new AbortController()
    const calls = [client.call('f', [], { timeoutMs: 20 }), client.call('f', [], { signal: controller.signal })]
    await connection.requests(2)
    const closing = client.close()
    controller.abort('mine')
    expect(await Promise.allSettled(calls)).toEqual([
      { status: 'rejected', reason: expect.objectContaining({ code: 'REQUEST_TIMEOUT' }) as unknown },
      { status: 'rejected', reason: 'mine' },
    ])
    await closing
  })

  test('ends when the connection is lost meanwhile', async () => {
    const { client, connection, closes } = await session()
    const call = client.call('f')
    await connection.request()
    const closing = client.close()
    connection.socket.resetAndDestroy()
    await expect(call).rejects.toMatchObject({ code: 'CONNECTION_LOST', sent: true })
    await closing
    expect(closes).toEqual(['disconnect', expect.objectContaining({ code: 'CONNECTION_LOST' })])
  })

  test('leaves no socket and no timer', async () => {
    const { client, connection } = await session()
    const call = client.call('f', [], { timeoutMs: 5000 })
    connection.write(okReply((await connection.request()).sync))
    await call
    const ended = new Promise((resolve) => connection.socket.once('close', resolve))
    await client.close()
    await ended
    // The peer's server is what is left; the test's own timers are of the runner's worker.
    expect(process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap')).toEqual([])
  })
})

test.each(['close', 'destroy', 'loss'] as const)('no timer is left after a %s', async (end) => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const peer = await startPeer()
  const client = await connect({ port: peer.port, reconnect: false })
  const connection = await peer.connection()
  const call = client.call('f', [], { timeoutMs: 5000 })
  const { sync } = await connection.request()
  // The heartbeat's and that of the deadline.
  expect(vi.getTimerCount()).toBe(2)
  const closed = new Promise((resolve) => client.once('close', resolve))
  if (end === 'loss') connection.socket.destroy()
  else if (end === 'destroy') client.destroy()
  else {
    connection.write(okReply(sync))
    await call
    await client.close()
  }
  await Promise.allSettled([call, closed])
  expect(vi.getTimerCount()).toBe(0)
})

describe('destroy', () => {
  test('rejects what is in flight, as sent, with the error that it was given as cause', async () => {
    const { client, connection, closes } = await session()
    const call = client.call('f')
    await connection.request()
    const cause = new Error('of the user')
    client.destroy(cause)
    await expect(call).rejects.toMatchObject({ code: 'CONNECTION_CLOSED', sent: true, retryable: false, cause })
    expect(client.status).toBe('closed')
    expect(closes).toEqual([expect.objectContaining({ code: 'CONNECTION_CLOSED', cause })])
  })

  test('rejects what has not left, as unsent', async () => {
    const { client } = await session()
    const call = client.call('f')
    client.destroy()
    await expect(call).rejects.toMatchObject({ code: 'CONNECTION_CLOSED', sent: false })
  })

  test('ends a close that waits, and a second one changes nothing', async () => {
    const { client, connection, closes } = await session()
    const call = client.call('f')
    await connection.request()
    const closing = client.close()
    client.destroy()
    client.destroy(new Error('again'))
    await closing
    await expect(call).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' })
    expect(closes).toEqual([undefined])
  })
})

import { type Client, connect } from '@tarantella/connector'
import { describe, expect, onTestFinished, test } from 'vitest'
import { deferred } from '../helpers/deferred.ts'
import { startTarantool, type TarantoolServer } from '../helpers/start-tarantool.ts'

const SCRIPT = `
  function sleep(seconds) require('fiber').sleep(seconds) return seconds end
  function push_three(last) for i = 1, 3 do box.session.push({ i }) end return last end
`

function start(): Promise<TarantoolServer> {
  return startTarantool({ script: SCRIPT })
}

async function open(uri: string, options: Parameters<typeof connect>[1] = {}): Promise<Client> {
  const client = await connect(uri, { reconnect: { minDelayMs: 5, maxDelayMs: 50 }, ...options })
  onTestFinished(() => client.destroy())
  return client
}

/** True if the server has watchers; else that it says so has been asserted. */
function hasWatchers(client: Client): boolean {
  if (client.server?.features.has('watchers') === true) return true
  const refusal = { code: 'UNSUPPORTED', sent: false, message: expect.stringContaining('since 2.10') as unknown }
  const sent = client.stats.socketWrites
  expect(() => client.watch('key', () => undefined)).toThrow(expect.objectContaining(refusal))
  expect(() => client.events('key')).toThrow(expect.objectContaining(refusal))
  expect(client.stats.socketWrites).toBe(sent)
  return false
}

function broadcast(client: Client, key: string, value: unknown): Promise<unknown> {
  return client.eval('box.broadcast(...)', [key, value])
}

describe('a watched key', () => {
  test('tells its value, each change, and no more after unregister', async () => {
    const client = await open((await start()).uri)
    if (!hasWatchers(client)) return
    const seen: unknown[] = []
    const changes = [deferred(), deferred(), deferred()]
    const subscription = client.watch('app.key', (value) => {
      seen.push(value)
      changes[seen.length - 1]?.resolve()
    })
    await changes[0]?.promise
    await broadcast(client, 'app.key', { n: 1 })
    await changes[1]?.promise
    await broadcast(client, 'app.key', [2])
    await changes[2]?.promise
    expect(seen).toEqual([undefined, { n: 1 }, [2]])
    subscription.unregister()
    await broadcast(client, 'app.key', 'late')
    await client.ping()
    expect(seen).toHaveLength(3)
  })

  test('shrinks to its latest value while an async callback runs', async () => {
    const client = await open((await start()).uri)
    if (!hasWatchers(client)) return
    const seen: unknown[] = []
    const [first, gate, last] = [deferred(), deferred(), deferred()]
    client.watch('app.key', async (value) => {
      seen.push(value)
      first.resolve()
      if (value === 9) last.resolve()
      await gate.promise
    })
    await first.promise
    for (let i = 0; i < 10; i++) await broadcast(client, 'app.key', i)
    gate.resolve()
    await last.promise
    expect(seen).toEqual([undefined, 9])
  })

  test('is watched again after a reconnect', async () => {
    const server = await start()
    const client = await open(server.uri)
    if (!hasWatchers(client)) return
    const versions: unknown[] = []
    const [before, after] = [deferred(), deferred()]
    client.watch<{ status: string }>('box.status', ({ status }) => {
      versions.push(status)
      if (client.stats.reconnects === 0) before.resolve()
      else after.resolve()
    })
    await before.promise
    await server.restart()
    await after.promise
    expect(versions.at(-1)).toBe('running')
  })

  test('can be read by for await, or once', async () => {
    const client = await open((await start()).uri)
    if (!hasWatchers(client)) return
    await broadcast(client, 'app.key', 1)
    const seen: unknown[] = []
    for await (const value of client.events<number>('app.key')) {
      seen.push(value)
      if (value === 3) break
      await broadcast(client, 'app.key', value + 1)
    }
    expect(seen).toEqual([1, 2, 3])
    const once = client.watchOnce('app.key')
    if (client.server?.features.has('watch-once') === true) {
      expect(await once).toBe(3)
      expect(await client.watchOnce('app.nothing')).toBeUndefined()
    } else {
      await expect(once).rejects.toMatchObject({
        code: 'UNSUPPORTED',
        message: expect.stringContaining('since 3.0') as unknown,
      })
    }
  })
})

test('what a function pushes is told before its result, or dropped and counted', async () => {
  const client = await open((await start()).uri)
  const pushed: unknown[] = []
  const results: unknown = await client.call('push_three', ['done'], { onPush: (value) => pushed.push(value) })
  expect(pushed).toEqual([[1], [2], [3]])
  expect(results).toEqual(['done'])
  expect(client.stats.chunksDropped).toBe(0)
  await client.call('push_three')
  expect(client.stats.chunksDropped).toBe(3)
  const values: unknown[] = []
  await client.eval('for _, v in ipairs({ ... }) do box.session.push(v) end', [42, 'text', { a: [1] }], {
    onPush: (value) => values.push(value),
  })
  expect(values).toEqual([42, 'text', { a: [1] }])
})

test('an error as a value comes as one where the server can send it', async () => {
  const client = await open((await start()).uri)
  const [value] = await client.eval(`return box.error.new({ code = 1000, reason = 'of the user' })`)
  if (client.server?.features.has('error-extension') === true) {
    expect(value).toMatchObject({ message: 'of the user' })
  } else expect(value).toBe('of the user')
})

describe('a server that is stopped', () => {
  test('is left when all is answered, and what comes meanwhile waits for the next one', async () => {
    const server = await start()
    const client = await open(server.uri)
    const isGraceful = client.server?.features.has('watchers') === true
    // As long as the server waits for its watchers at most; far beyond the test's own limit.
    if (isGraceful) await client.eval('box.ctl.set_on_shutdown_timeout(9000)')
    const given = new AbortController()
    const abandoned = client.call('sleep', [0.3], { signal: given.signal })
    const running = Array.from({ length: 100 }, (_, i) => client.call('sleep', [0.2 + i / 1000]))
    await client.ping()
    given.abort('no longer wanted')
    await expect(abandoned).rejects.toBe('no longer wanted')
    if (isGraceful) {
      const { stopping } = await stop(server, client)
      const waiting = Array.from({ length: 10 }, (_, i) => client.eval('return ...', [i]))
      expect(client.stats).toMatchObject({ queued: 10 })
      expect(await Promise.all(running)).toHaveLength(100)
      await stopping
      await server.restart()
      expect(await Promise.all(waiting)).toEqual(waiting.map((_, i) => [i]))
    } else {
      const stopping = server.stop()
      for (const { status } of await Promise.allSettled(running)) expect(status).toBe('rejected')
      await expect(running[0]).rejects.toMatchObject({ code: 'CONNECTION_LOST', sent: true })
      await stopping
      await server.restart()
      expect(await client.eval('return ...', [1])).toEqual([1])
    }
    expect(client.stats.reconnects).toBe(1)
  })

  test('does not wait for a client that has nothing to do', async () => {
    const server = await start()
    const client = await open(server.uri, { reconnect: false })
    if (client.server?.features.has('watchers') === true) await client.eval('box.ctl.set_on_shutdown_timeout(9000)')
    const closed = new Promise((resolve) => client.once('close', resolve))
    await server.stop()
    expect(await closed).toMatchObject({ code: 'CONNECTION_LOST', sent: false })
  })

  test('lets a transaction that has begun come to its end', async () => {
    const server = await startTarantool({
      script: `${SCRIPT} box.schema.space.create('t', { if_not_exists = true }):create_index('pk', { if_not_exists = true })`,
      cfg: `memtx_use_mvcc_engine = not _TARANTOOL:match('^2%.%d%.') or nil`,
    })
    const client = await open(server.uri)
    if (!hasWatchers(client)) return
    await client.eval('box.ctl.set_on_shutdown_timeout(9000)')
    const { stopping } = await client.begin(async (tx) => {
      await tx.replace('t', [1])
      const stopped = await stop(server, client)
      await tx.replace('t', [2])
      return stopped
    })
    await stopping
    await server.restart()
    expect(await client.select('t')).toEqual([[1], [2]])
  })
})

/** Stops the server; resolves when the client has heard of it, and takes its requests for the next session. */
async function stop(server: TarantoolServer, client: Client): Promise<{ readonly stopping: Promise<void> }> {
  const shutdown = new Promise<void>((resolve) => client.once('shutdown', resolve))
  const stopping = server.stop()
  await shutdown
  return { stopping }
}

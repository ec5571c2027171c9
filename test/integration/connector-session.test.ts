import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { connect } from '@tarantella/connector'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startTarantool, type TarantoolServer } from '../helpers/start-tarantool.ts'

const SCRIPT = `
  local users = box.schema.space.create('users', { if_not_exists = true })
  users:create_index('pk', { if_not_exists = true })
  box.schema.user.create('empty', { password = '', if_not_exists = true })
  box.schema.role.grant('public', 'execute', 'universe', nil, { if_not_exists = true })
  function sleep(seconds) require('fiber').sleep(seconds) return seconds end
  function echo(...) return ... end
`

function start(): Promise<TarantoolServer> {
  return startTarantool({ script: SCRIPT })
}

async function open(uri: string, options: Parameters<typeof connect>[1] = {}): ReturnType<typeof connect> {
  const client = await connect(uri, { reconnect: { minDelayMs: 5, maxDelayMs: 50 }, ...options })
  onTestFinished(() => client.destroy())
  return client
}

describe('a session', () => {
  test('says which server it is with', async () => {
    const client = await open((await start()).uri)
    const [version, uuid] = await client.eval<[string, string]>('return _TARANTOOL, box.info.uuid')
    expect(client.server?.version).toBe(version.split('-')[0])
    expect(client.server?.uuid).toBe(uuid)
  })

  test('is of the user with a right password, an empty one included, else of the guest', async () => {
    const { port } = await start()
    const whoami = 'return box.session.effective_user()'
    for (const [credentials, user] of [
      ['app:secret@', 'app'],
      ['empty:@', 'empty'],
      ['', 'guest'],
    ] as const) {
      const client = await open(`tarantool://${credentials}127.0.0.1:${port}`)
      expect(await client.eval(whoami)).toEqual([user])
    }
  })

  test('is refused for a wrong password and an unknown user', async () => {
    const { port } = await start()
    for (const credentials of ['app:wrong', 'nobody:x', 'app:']) {
      await expect(connect(`tarantool://${credentials}@127.0.0.1:${port}`)).rejects.toMatchObject({
        code: 'AUTH_FAILED',
        message: expect.stringContaining('check user and password') as unknown,
      })
    }
  })

  test('is refused by the port of a console', async () => {
    const { uri } = await start()
    const client = await open(uri)
    const [port] = await client.eval<[number]>(`
      local server = require('socket').tcp_server('127.0.0.1', 0, function(peer)
        peer:write('Tarantool 2.6.0 (Lua console)\\ntype \\'help\\' for interactive help\\n' .. (' '):rep(128))
        peer:read(1)
      end)
      return server:name().port
    `)
    await expect(connect(`127.0.0.1:${port}`)).rejects.toMatchObject({
      code: 'NOT_TARANTOOL',
      message: expect.stringContaining('console') as unknown,
    })
  })

  test('over a Unix socket is a session as well', async () => {
    const server = await start()
    const tcp = await open(server.uri)
    const path = `${server.dataDir}/tnt.sock`
    await tcp.eval('box.cfg{ listen = ... }', [path])
    const client = await open(`tarantool://app:secret@${path}`)
    expect(await client.call('echo', [1])).toEqual([1])
  })
})

describe('many requests over one connection', () => {
  test('a slow one does not hold up the others', async () => {
    const client = await open((await start()).uri)
    const order: string[] = []
    const slow = client.call('sleep', [0.2]).then(() => order.push('slow'))
    await Promise.all(Array.from({ length: 100 }, (_, i) => client.call('echo', [i]))).then(() => order.push('quick'))
    await slow
    expect(order).toEqual(['quick', 'slow'])
  })

  test('a thousand of one turn leave in at most twenty writes, and each gets its own reply', async () => {
    const client = await open((await start()).uri)
    await client.ping()
    const before = client.stats.socketWrites
    const calls = Array.from({ length: 1000 }, (_, i) => client.call('echo', [i, 'x'.repeat(i)]))
    const results = await Promise.all(calls)
    expect(client.stats.socketWrites - before).toBeLessThanOrEqual(20)
    expect(results.every(([i, text], at) => i === at && text === 'x'.repeat(at))).toBe(true)
  })

  test('a thousand inserts that nobody waits for arrive before the connection is closed', async () => {
    const { uri } = await start()
    const client = await open(uri)
    for (let i = 0; i < 1000; i++) void client.insert('users', [i])
    await client.close()
    const other = await open(uri)
    expect(await other.eval('return box.space.users:len()')).toEqual([1000])
  })

  test('a time limit passes for the slow one alone', async () => {
    const client = await open((await start()).uri)
    const slow = client.call('sleep', [10], { timeoutMs: 50 })
    await expect(slow).rejects.toMatchObject({ code: 'REQUEST_TIMEOUT', sent: true })
    expect(await client.call('echo', [1])).toEqual([1])
  })

  test('large replies are put together', async () => {
    const client = await open((await start()).uri)
    const [small, large] = await Promise.all([
      client.eval<[string]>(`return ('y'):rep(1000)`),
      client.eval<[string]>(`return ('x'):rep(20000000)`),
    ])
    expect(small[0]).toHaveLength(1000)
    expect(large[0]).toBe('x'.repeat(20_000_000))
  })
})

describe('the schema', () => {
  test('is looked up once for any number of requests, and again after a change', async () => {
    const client = await open((await start()).uri)
    const calls = (): Promise<number> => client.eval<[number]>('return box.stat.SELECT.total').then(([total]) => total)
    const before = await calls()
    await Promise.all(Array.from({ length: 100 }, (_, i) => client.replace('users', [i])))
    // Two reads at most, _vspace and _vindex; none where the server takes names.
    expect((await calls()) - before).toBeLessThanOrEqual(2)
  })

  test('a space that was made anew under another number is never missed nor mistaken', async () => {
    const client = await open((await start()).uri)
    await client.replace('users', [1, 'old'])
    const [oldId] = await client.eval<[number]>('return box.space.users.id')
    const [newId] = await client.eval<[number]>(`
      box.space.users:rename('archive')
      local users = box.schema.space.create('users')
      users:create_index('pk')
      return users.id
    `)
    expect(newId).not.toBe(oldId)
    await client.replace('users', [1, 'new'])
    expect(await client.select('users')).toEqual([[1, 'new']])
    expect(await client.select('archive')).toEqual([[1, 'old']])
  })

  test('that changes under running requests makes none of them fail', async () => {
    const server = await start()
    const client = await open(server.uri)
    const admin = await open(server.uri)
    await client.replace('users', [0])
    const state = { changing: true }
    const changes = (async () => {
      for (let i = 0; i < 30; i++)
        await admin.eval(`box.schema.space.create('s' .. ...):drop() require('fiber').sleep(0.002)`, [i])
      state.changing = false
    })()
    let count = 0
    while (state.changing) await Promise.all([client.replace('users', [++count]), client.get('users', 0)])
    await changes
    expect(await client.get('users', count)).toEqual([count])
  })

  test('that is unknown at close is still looked up for what was asked before', async () => {
    const server = await start()
    const client = await open(server.uri)
    const insert = client.insert('users', [77])
    await client.close()
    expect(await insert).toEqual([77])
  })
})

describe('a process', () => {
  const connector = import.meta.resolve('@tarantella/connector')

  function run(script: string): Promise<string> {
    const code = `import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { connect } from '${connector}'\n${script}`
    const child = promisify(execFile)(process.execPath, ['--input-type=module', '-e', code], { timeout: 20_000 })
    return child.then(({ stdout }) => stdout.trim())
  }

  test('ends by itself after close, with a thousand requests in flight before', async () => {
    const { uri } = await start()
    const output = await run(`
      const client = await connect('${uri}')
      const calls = Array.from({ length: 1000 }, () => client.call('sleep', [0.05]))
      await client.close()
      console.log((await Promise.all(calls)).length)
    `)
    expect(output).toBe('1000')
  })

  test('ends by itself after destroy, with hundreds of requests in flight before', async () => {
    const { uri } = await start()
    const output = await run(`
      const client = await connect('${uri}')
      // Above 768 of them (net_msg_max) the server would not read the ping.
      const calls = Array.from({ length: 500 }, () => client.call('sleep', [60]))
      await client.ping()
      client.destroy()
      const codes = (await Promise.allSettled(calls)).map(({ reason }) => reason.code)
      console.log(codes.length, new Set(codes))
    `)
    expect(output).toBe("500 Set(1) { 'CONNECTION_CLOSED' }")
  })
})

describe('a restarted server', () => {
  test('is found again; what was in flight is lost, what comes meanwhile waits', async () => {
    const server = await start()
    const client = await open(server.uri)
    await client.replace('users', [1, 'kept'])
    const lost = expect(client.call('sleep', [60])).rejects.toMatchObject({
      code: 'CONNECTION_LOST',
      sent: true,
      retryable: false,
    })
    const disconnected = new Promise((resolve) => client.once('disconnect', resolve))
    await client.ping()
    await server.kill()
    await lost
    await disconnected
    const waiting = client.get('users', 1)
    await server.restart()
    expect(await waiting).toEqual([1, 'kept'])
    expect(client.stats.reconnects).toBe(1)
    expect(client.status).toBe('connected')
  })
})

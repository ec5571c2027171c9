import { decode as oracle } from '@msgpack/msgpack'
import { describe, expect, onTestFinished, test } from 'vitest'
import { readRecording } from '../../../../test/helpers/recorded.ts'
import {
  errorReply,
  okReply,
  type PeerConnection,
  reply,
  type SeenRequest,
} from '../../../../test/helpers/scripted-peer.ts'
import { bindsFrom, templateFrom } from '../../src/client/sql-binds.ts'
import { introduce, sessionWithPeer } from '../session-with-peer.ts'

const EXECUTE = 0x0b
const PREPARE = 0x0d
const STMT_ID = 0x43

const recorded = readRecording('3.8.0').requests

function fields(request: SeenRequest): Record<number, unknown> {
  // The bodies of requests are maps with integer keys.
  return oracle(request.body) as Record<number, unknown>
}

/** Answers a PREPARE with this number, one parameter and one column. */
function prepared(connection: PeerConnection, { sync }: SeenRequest, id: number, schemaVersion = 80): void {
  const column = '82' + '00a161' + '01a3616e79'
  const body = `8443${id.toString(16).padStart(2, '0')}340133918200a13f01a3414e593291${column}`
  connection.write(reply(sync, { body, schemaVersion }))
}

/** One row with the column `a`. */
function row(value: string): string {
  return `8232918200a16101a3616e79309191${value}`
}

describe('a statement', () => {
  const statements = recorded.filter(({ request, body }) => request === 'EXECUTE' && body?.['64'] !== undefined)
  const cases = statements.map(({ body, bytes }) => ({ text: String(body?.['64']), bind: body?.['65'], bytes }))

  test.each(cases)('$text goes out as it was recorded', async ({ text, bind, bytes }) => {
    const { client, connection } = await sessionWithPeer()
    const named = JSON.stringify(bind) === '[{":x":2}]'
    // What was recorded are arrays of values, or one bind by name.
    client.execute(text, named ? { x: 2 } : (bind as unknown[])).catch(() => undefined)
    const { type, body } = await connection.request()
    expect(type).toBe(EXECUTE)
    // Prefix, and header without a schema version as net.box writes it, take 11 bytes or 10.
    expect(bytes.endsWith(body.toString('hex'))).toBe(true)
  })

  test.each(statements.filter(({ replies }) => replies?.[0]?.type === 'OK'))(
    'gives what the recorded reply holds: $bytes',
    async ({ replies }) => {
      const { client, connection } = await sessionWithPeer()
      const execution = client.execute('SELECT 1', [], { rows: 'array' })
      const [answer] = replies ?? []
      connection.write(reply((await connection.request()).sync, { body: answer?.bytes.slice(64) ?? '' }))
      const { rows, rowCount, autoincrementIds, metadata } = await execution
      // As the recordings write it.
      const info = answer?.body?.['66'] as { 0: number; 1?: number[] } | undefined
      expect(rows).toEqual(answer?.body?.['48'] ?? [])
      expect(rowCount).toBe(info?.[0] ?? rows.length)
      expect(autoincrementIds).toEqual(info?.[1] ?? [])
      // As above.
      const columns = (answer?.body?.['50'] ?? []) as { 0: string; 1: string }[]
      expect(metadata.map(({ name, type }) => ({ 0: name, 1: type }))).toEqual(columns)
    },
  )
})

describe('binds', () => {
  test('by name get the colon that they lack', () => {
    expect(bindsFrom({ a: 1, ':b': 2, '@c': 3, $d: 4 })).toEqual([{ ':a': 1 }, { ':b': 2 }, { '@c': 3 }, { $d: 4 }])
    expect(bindsFrom({})).toEqual([])
  })

  test.each([[{ ':a': 1 }], [new Map([[':a', 1]])], [Object.create(null) as object]])(
    'by position are no maps: %o',
    (map) => {
      expect(() => bindsFrom([1, map])).toThrow(
        expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('bind[1]') as unknown }),
      )
    },
  )

  test('of a template are by position, or by name if one is a map', () => {
    expect(templateFrom(['a ', ' b ', ''], [1, [2]])).toEqual(['a ? b ?', [1, [2]]])
    expect(templateFrom(['a ', ' b ', ''], [1, { c: 2 }])).toEqual(['a :p1 b :p2', { ':p1': 1, ':p2': { c: 2 } }])
    expect(templateFrom(['a'], [])).toEqual(['a', []])
  })
})

describe('a prepared statement', () => {
  test('is prepared once for all who ask at the same time, and given up by the last', async () => {
    const { client, connection } = await sessionWithPeer()
    const preparing = [client.prepare('SELECT ?'), client.prepare('SELECT ?')]
    const request = await connection.request()
    expect([request.type, fields(request)]).toEqual([PREPARE, { 64: 'SELECT ?' }])
    prepared(connection, request, 7)
    const [first, second] = await Promise.all(preparing)
    expect(first?.parameters).toMatchObject([{ name: '?', type: 'ANY' }])
    expect(first?.metadata).toMatchObject([{ name: 'a', type: 'any' }])
    await first?.unprepare()
    const execution = second?.execute([5])
    const executed = await connection.request()
    expect([executed.type, fields(executed)]).toEqual([EXECUTE, { [STMT_ID]: 7, 65: [5], 43: [] }])
    connection.write(reply(executed.sync, { body: row('05') }))
    expect((await execution)?.rows).toEqual([{ a: 5 }])
    const over = second?.unprepare()
    const givenUp = await connection.request()
    expect([givenUp.type, fields(givenUp)]).toEqual([PREPARE, { [STMT_ID]: 7 }])
    connection.write(reply(givenUp.sync, {}))
    await over
  })

  test('whose request waits for a reconnect never carries the number of the former session', async () => {
    const { client, peer, connection } = await sessionWithPeer()
    const preparing = client.prepare('SELECT ?')
    prepared(connection, await connection.request(), 7)
    const statement = await preparing
    const lost = new Promise((resolve) => client.once('disconnect', resolve))
    connection.socket.resetAndDestroy()
    await lost
    const execution = statement.execute([5])
    const { connection: next } = await introduce(peer)
    const request = await next.request()
    expect([request.type, fields(request)]).toEqual([PREPARE, { 64: 'SELECT ?' }])
    prepared(next, request, 8)
    const executed = await next.request()
    expect(fields(executed)[STMT_ID]).toBe(8)
    next.write(reply(executed.sync, { body: row('05') }))
    expect((await execution).rows).toEqual([{ a: 5 }])
  })

  test('is prepared again, once, when the server says that the schema has changed', async () => {
    const { client, connection } = await sessionWithPeer()
    const preparing = client.prepare('SELECT ?')
    prepared(connection, await connection.request(), 7)
    const statement = await preparing
    const executions = [statement.execute([1]), statement.execute([2])]
    for (const { sync } of await connection.requests(2)) {
      connection.write(errorReply(sync, 159, 'statement has expired', 81))
    }
    const again = await connection.request()
    expect(again.type).toBe(PREPARE)
    prepared(connection, again, 9, 81)
    for (const { sync, body } of await connection.requests(2)) {
      expect(oracle(body)).toMatchObject({ [STMT_ID]: 9 })
      connection.write(reply(sync, { body: row('01'), schemaVersion: 81 }))
    }
    await Promise.all(executions)
  })

  test('that fails under the same schema is not repeated', async () => {
    const { client, connection } = await sessionWithPeer()
    const preparing = client.prepare('SELECT ?')
    prepared(connection, await connection.request(), 7)
    const statement = await preparing
    const execution = statement.execute([1])
    connection.write(errorReply((await connection.request()).sync, 159, 'division by zero'))
    await expect(execution).rejects.toMatchObject({ code: 'ER_SQL_EXECUTE', message: 'division by zero' })
  })

  test('that the server never knows is given up in the end', async () => {
    const { client, connection } = await sessionWithPeer()
    const preparing = client.prepare('SELECT ?')
    prepared(connection, await connection.request(), 7)
    const statement = await preparing
    const execution = statement.execute([1])
    execution.catch(() => undefined)
    for (let tries = 0; tries < 10; tries++) {
      connection.write(errorReply((await connection.request()).sync, 211, 'no such statement'))
      if (tries < 9) prepared(connection, await connection.request(), 7)
    }
    await expect(execution).rejects.toMatchObject({ code: 'ER_SQL_EXECUTE', sent: false, retryable: true })
  })

  test('keeps the limits of who executes it while it is prepared for all', async () => {
    const { client, connection } = await sessionWithPeer()
    const controller = new AbortController()
    const late = client.prepare('SELECT ?', { timeoutMs: 20 })
    const aborted = client.prepare('SELECT ?', { signal: controller.signal })
    const patient = client.prepare('SELECT ?')
    const request = await connection.request()
    await expect(late).rejects.toMatchObject({ code: 'REQUEST_TIMEOUT', sent: false, retryable: true })
    controller.abort('mine')
    await expect(aborted).rejects.toBe('mine')
    prepared(connection, request, 7)
    await expect(patient).resolves.toMatchObject({ text: 'SELECT ?' })
  })

  test('that cannot be prepared leaves nothing behind', async () => {
    const { client, connection } = await sessionWithPeer()
    const failing = client.prepare('SELEC')
    connection.write(errorReply((await connection.request()).sync, 184, 'Syntax error'))
    await expect(failing).rejects.toMatchObject({ code: 'ER_SQL_SYNTAX_NEAR_TOKEN' })
    const preparing = client.prepare('SELEC')
    prepared(connection, await connection.request(), 7)
    await preparing
  })

  test('runs over no other client', async () => {
    const { client, connection } = await sessionWithPeer()
    const other = await sessionWithPeer()
    onTestFinished(() => other.client.destroy())
    const preparing = client.prepare('SELECT ?')
    prepared(connection, await connection.request(), 7)
    await expect(other.client.execute(await preparing, [1])).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    const ping = other.client.ping()
    const { type, sync } = await other.connection.request()
    expect(type).toBe(0x40)
    other.connection.write(okReply(sync))
    await ping
  })
})

import { type Client, connect } from '@tarantella/connector'
import { beforeAll, describe, expect, test } from 'vitest'
import { type Courses, type FaultProxy, startFaultProxy } from '../helpers/fault-proxy.ts'
import type { Direction } from '../helpers/faulty-connection.ts'
import type { Course, Fault } from '../helpers/faulty-pipe.ts'
import { startTarantool, type TarantoolServer } from '../helpers/start-tarantool.ts'

const SCRIPT = `
  for _, name in ipairs{'users', 'runs'} do
    box.schema.space.create(name, { if_not_exists = true }):create_index('pk', { if_not_exists = true })
  end
  function bump(id) box.space.runs:upsert({id, 1}, {{'+', 2, 1}}) return id end
`

/** Deadlines short enough to wait for; a peer that is silent is found out within two pings. */
const LIMITS = {
  connectTimeoutMs: 600,
  requestTimeoutMs: 600,
  pingIntervalMs: 100,
  reconnect: { minDelayMs: 1, maxDelayMs: 10 },
}
/** Beyond every deadline, on a machine with much else to do. */
const SETTLED_WITHIN_MS = 10_000

const CONNECT_CODES = ['CONNECT_FAILED', 'CONNECT_TIMEOUT', 'NOT_TARANTOOL', 'CONNECTION_LOST']
const REQUEST_CODES = ['CONNECTION_LOST', 'REQUEST_TIMEOUT', 'CONNECTION_CLOSED']

let server: TarantoolServer
let admin: Client
let lastId = 0
/** Bytes that have passed by the end of each step on a good line. */
let marks: Readonly<Record<Direction, readonly number[]>>

beforeAll(async () => {
  server = await startTarantool({ script: SCRIPT })
  admin = await connect(server.uri)
  marks = await measure()
  return async () => {
    admin.destroy()
    await server[Symbol.asyncDispose]()
  }
})

function through(proxy: FaultProxy): Promise<Client> {
  return connect(`tarantool://app:secret@127.0.0.1:${proxy.port}`, LIMITS)
}

/** Greeting, handshake, look-up and select, call: where each of them ends. */
async function measure(): Promise<Record<Direction, number[]>> {
  const proxy = await startFaultProxy({ serverPort: server.port })
  const client = await through(proxy)
  const connection = await proxy.connection(0)
  const found: Record<Direction, number[]> = { toServer: [0], toClient: [0, 128] }
  const mark = (): void => {
    for (const direction of ['toServer', 'toClient'] as const) found[direction].push(connection.passedBytes(direction))
  }
  mark()
  await client.select('users', [1])
  mark()
  await client.call('bump', [++lastId])
  mark()
  await client.close()
  await proxy[Symbol.asyncDispose]()
  return found
}

/** The bytes around each mark, and some in the middle of what lies between two. */
function positions(direction: Direction): number[] {
  const all = marks[direction].flatMap((end, i) => {
    const begin = marks[direction][i - 1] ?? 0
    return [begin + 1, begin + 7, Math.floor((begin + end) / 2), end - 1, end]
  })
  return [...new Set(all.filter((position) => position >= 0))]
}

interface Outcome {
  readonly error: { readonly code: string; readonly sent: boolean } | undefined
}

function outcome(promise: Promise<unknown>): Promise<Outcome> {
  return promise.then(
    () => ({ error: undefined }),
    (error: unknown) => ({ error: error as Outcome['error'] }),
  )
}

/** One session whose first connection suffers the fault; the later ones are good. */
async function suffer(courses: Courses): Promise<void> {
  const proxy = await startFaultProxy({ serverPort: server.port, ...courses })
  void proxy.connection(0).then(() => proxy.setCourses({}))
  const id = ++lastId
  try {
    const client = await through(proxy).catch((error: unknown) => {
      expect(CONNECT_CODES).toContain((error as { code: string }).code)
      expect(error).toMatchObject({ sent: false })
      return undefined
    })
    if (client === undefined) return
    const [select, call] = await Promise.all([outcome(client.select('users', [1])), outcome(client.call('bump', [id]))])
    const [runs] = await runsOf(id)
    for (const { error } of [select, call]) if (error !== undefined) expect(REQUEST_CODES).toContain(error.code)
    if (call.error === undefined) expect(runs).toBe(1)
    else if (call.error.sent) expect([0, 1]).toContain(runs)
    else expect(runs).toBe(0)
    // Whatever has happened, the client goes on.
    await untilPinged(client)
    await client.close()
    expect(client.stats).toMatchObject({ inFlight: 0, queued: 0 })
  } finally {
    await proxy[Symbol.asyncDispose]()
  }
  // Nothing that was lost comes later.
  expect((await runsOf(id))[0]).toBeLessThanOrEqual(1)
}

/** A fault may strike later than the replies; the connection after it is good. */
async function untilPinged(client: Client): Promise<void> {
  for (;;) {
    const { error } = await outcome(client.ping())
    if (error === undefined) return
    expect(REQUEST_CODES).toContain(error.code)
  }
}

async function runsOf(id: number): Promise<[number]> {
  return admin.eval<[number]>(`local run = box.space.runs:get(...) return run and run[2] or 0`, [id])
}

function settled(work: Promise<unknown>[], what: string): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: a promise has not settled in time`)), SETTLED_WITHIN_MS)
  })
  return Promise.race([Promise.all(work), late]).finally(() => clearTimeout(timer))
}

const FAULTS: readonly Fault[] = ['reset', 'end', 'halfClose', 'stall', 'discard']

describe.each<Direction>(['toClient', 'toServer'])('at every step, in the direction %s,', (direction) => {
  test.each(FAULTS)('a fault of the kind %s settles every promise, and nothing runs twice', async (fault) => {
    const courses = positions(direction).map((after) => ({ [direction]: { fault, after } }))
    await settled(courses.map(suffer), fault)
  })

  test.each<[name: string, course: Course]>([
    ['in pieces of one byte', { pieceBytes: 1 }],
    ['late', { delayMs: 20 }],
  ])('bytes that come %s make no difference', async (_name, course) => {
    const proxy = await startFaultProxy({ serverPort: server.port, [direction]: course })
    const client = await connect(`tarantool://app:secret@127.0.0.1:${proxy.port}`)
    const id = ++lastId
    expect(await client.replace('users', [id, 'Zoë'])).toEqual([id, 'Zoë'])
    expect(await client.select('users', [id])).toEqual([[id, 'Zoë']])
    expect(await client.call('bump', [id])).toEqual([id])
    await client.close()
  })
})

describe('replies that come in another order', () => {
  test.each([2, 50])('give each request its own, with groups of %i reversed', async (reverseFrames) => {
    const proxy = await startFaultProxy({ serverPort: server.port })
    const client = await connect(`tarantool://app:secret@127.0.0.1:${proxy.port}`, { pingIntervalMs: Infinity })
    const ids = Array.from({ length: 100 }, () => ++lastId)
    await client.replace('users', [0, 'known'])
    const connection = await proxy.connection(0)
    connection.setCourse('toClient', { reverseFrames })

    const settledIds: number[] = []
    const results = ids.map(async (id, i) => {
      const result = i % 2 === 0 ? await client.call('bump', [id]) : await client.replace('users', [id, `user ${id}`])
      settledIds.push(id)
      return result
    })
    expect(await Promise.all(results)).toEqual(ids.map((id, i) => (i % 2 === 0 ? [id] : [id, `user ${id}`])))
    expect(settledIds).not.toEqual(ids)
    expect(settledIds.toSorted((a, b) => a - b)).toEqual(ids)
    expect(client.stats).toMatchObject({ inFlight: 0, unknownReplies: 0 })
    client.destroy()
  })
})

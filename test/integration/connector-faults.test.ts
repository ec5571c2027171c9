import { connect as dial } from 'node:net'
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
const GREETING_BYTES = 128
/** What each step of a session sends. A select is the look-up of a space, too, where the server takes no names. */
const REQUEST_TYPES = { connect: 0x49, auth: 0x07, select: 0x01, call: 0x0a }

/** A stretch of bytes on a good line, counted from the connection's begin: the greeting or a frame. */
interface Stretch {
  readonly begin: number
  readonly end: number
  /** The type of a request. */
  readonly type: number | undefined
}
let stretches: Readonly<Record<Direction, readonly Stretch[]>>

beforeAll(async () => {
  server = await startTarantool({ script: SCRIPT })
  admin = await connect(server.uri)
  stretches = await measure()
  return async () => {
    admin.destroy()
    await server[Symbol.asyncDispose]()
  }
})

function through(proxy: FaultProxy): Promise<Client> {
  return connect(`tarantool://app:secret@127.0.0.1:${proxy.port}`, LIMITS)
}

/** The frames of a session that does what each session below does. */
async function measure(): Promise<Record<Direction, Stretch[]>> {
  const received: Buffer[] = []
  const sent: Buffer[] = []
  const socket = dial(server.port, '127.0.0.1')
  socket.on('data', (chunk: Buffer) => received.push(chunk))
  const write = socket.write.bind(socket)
  socket.write = (chunk: Uint8Array | string): boolean => {
    sent.push(Buffer.from(chunk))
    return write(chunk)
  }
  const client = await connect({ socket: () => socket, user: 'app', password: 'secret', reconnect: false })
  await Promise.all([client.select('users', [1]), client.call('bump', [++lastId])])
  await client.close()
  return { toServer: framesOf(Buffer.concat(sent), 0), toClient: framesOf(Buffer.concat(received), GREETING_BYTES) }
}

/** ce <size u32> { 0: <type u8>, … }, as the client and the server write it. */
function framesOf(bytes: Buffer, start: number): Stretch[] {
  const found: Stretch[] = start === 0 ? [] : [{ begin: 0, end: start, type: undefined }]
  for (let begin = start; begin < bytes.length; begin = found.at(-1)?.end ?? bytes.length) {
    found.push({ begin, end: begin + 5 + bytes.readUInt32BE(begin + 1), type: bytes[begin + 7] })
  }
  return found
}

/** In each stretch: its first bytes, its middle, and its end. */
function places(direction: Direction): number[] {
  const all = stretches[direction].flatMap(({ begin, end }) => [
    begin,
    begin + 1,
    begin + 7,
    Math.floor((begin + end) / 2),
    end - 1,
    end,
  ])
  return [...new Set(all)]
}

function frameStarts(direction: Direction): number[] {
  return stretches[direction].map(({ begin }) => begin).filter((begin) => direction === 'toServer' || begin > 0)
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

/** One session for each place. */
async function sufferAt(all: readonly number[], direction: Direction, course: Course): Promise<void> {
  expect(all.length).toBeGreaterThanOrEqual(stretches[direction].length - 1)
  await Promise.all(
    all.map((after) => settled(suffer({ [direction]: { ...course, after } }), `after ${after} bytes ${direction}`)),
  )
}

function settled(work: Promise<unknown>, what: string): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('A promise has not settled in time')), SETTLED_WITHIN_MS)
  })
  const named = Promise.race([work, late]).catch((cause: unknown) => {
    throw new Error(`${what}: ${String(cause)}`, { cause })
  })
  return named.finally(() => clearTimeout(timer))
}

const FAULTS: readonly Fault[] = ['reset', 'end', 'halfClose', 'stall', 'discard']

test('there are places in every step of a session', () => {
  const types = stretches.toServer.map(({ type }) => type)
  expect(types).toEqual(expect.arrayContaining(Object.values(REQUEST_TYPES)))
  expect(types.indexOf(REQUEST_TYPES.connect)).toBeLessThan(types.indexOf(REQUEST_TYPES.auth))
  // Before 3.0, selects of the look-up go before the user's own.
  const selects = types.filter((type) => type === REQUEST_TYPES.select).length
  expect(selects > 1).toBe(admin.server?.features.has('space-and-index-names') === false)
  expect(stretches.toClient.length).toBeGreaterThan(types.length - 2)
})

describe.each<Direction>(['toClient', 'toServer'])('at every step, in the direction %s,', (direction) => {
  test.each(FAULTS)('a fault of the kind %s settles every promise, and nothing runs twice', async (fault) => {
    await sufferAt(places(direction), direction, { fault })
  })

  test('bytes later than every deadline settle every promise, and nothing runs twice', async () => {
    await sufferAt(places(direction), direction, { delayMs: 1.5 * LIMITS.requestTimeoutMs })
  })

  test('frames in another order settle every promise, and nothing runs twice', async () => {
    await sufferAt(frameStarts(direction), direction, { reverseFrames: 2 })
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

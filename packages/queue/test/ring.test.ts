import { decode } from '@tarantella/connector'
import { expect, test } from 'vitest'
import { Queue } from '../src/index.ts'
import { Ring, type RingHandler } from '../src/servers.ts'
import { FakeCaller, FakeClock, settle } from './fake-caller.ts'

/** A server that keeps one task per key for ever, answers all that it is asked, and delivers when the test says so. */
class FakeServer extends FakeCaller {
  readonly log: string[]
  readonly name: string
  /** What every call fails with, after it was executed if `sent`. */
  failure: (Error & { readonly sent: boolean }) | undefined
  readonly tasks = new Map<string, unknown>()

  constructor(name: string, log: string[]) {
    super()
    this.name = name
    this.log = log
  }

  override call(fn: string, args: readonly unknown[]): Promise<unknown[]> {
    if (fn === 'queue.take_many') return super.call(fn, args)
    if (this.failure?.sent === false) return Promise.reject(this.failure)
    const answer = this.#answer(fn, args)
    return this.failure === undefined ? Promise.resolve([answer]) : Promise.reject(this.failure)
  }

  get batons(): string[] {
    return [...this.tasks.keys()].filter((key) => key.startsWith('baton/')).map((key) => key.slice(6))
  }

  /** The data that was put with the key. */
  data(key: string): Record<string, unknown> {
    return this.tasks.get(key) as Record<string, unknown>
  }

  #answer(fn: string, args: readonly unknown[]): unknown {
    const [tube, second] = args
    if (fn === 'queue.find') {
      const data = this.tasks.get(`${String(tube)}/${(second as { key: string }).key}`)
      return data === undefined ? null : [1, '~', data]
    }
    if (fn === 'queue.put_many') return (second as { bytes: Uint8Array }[]).map((item) => this.#put(String(tube), item))
    if (Array.isArray(second)) {
      this.log.push(`${this.name} ${fn.slice(6)}`)
      return second.map((item) => [(item as [number])[0], '-'])
    }
    return null
  }

  #put(tube: string, item: unknown): unknown {
    const [data, { key, dedup }] = unpack(item)
    const isThere = this.tasks.has(`${tube}/${key}`)
    this.log.push(`${this.name} put ${tube} ${key}`)
    if (isThere && dedup !== 'replace') return [1, 'r', 'duplicate']
    this.tasks.set(`${tube}/${key}`, data)
    return isThere ? [1, '~', 'replaced'] : [1, 'r']
  }
}

function unpack(item: unknown): [unknown, { key: string; dedup?: string }] {
  return decode((item as { bytes: Uint8Array }).bytes) as [unknown, { key: string; dedup?: string }]
}

function start(self: 'a' | 'b' | 'c') {
  const clock = new FakeClock()
  const log: string[] = []
  const callers = { a: new FakeServer('a', log), b: new FakeServer('b', log), c: new FakeServer('c', log) }
  const queueOf = (caller: FakeServer): Queue => new Queue(caller, {}, { clock })
  const servers = { a: queueOf(callers.a), b: queueOf(callers.b), c: queueOf(callers.c) }
  const ring = new Ring<number>({ self, servers, silence: 10 }, { clock, wall: () => clock.now() })
  return { clock, log, callers, ring }
}

const LOST = Object.assign(new Error('lost'), { code: 'CONNECTION_LOST', sent: true, retryable: false })
const DOWN = Object.assign(new Error('down'), { code: 'CONNECT_FAILED', sent: false, retryable: true })
const BATON = { mailing: 'm', hop: 4, data: 40, branch: '', born: 0, at: 0 }

/** Hands the baton to the worker of the server. */
async function deliver(caller: FakeServer, baton: unknown = BATON): Promise<void> {
  for (;;) {
    const call = await caller.next('queue.take_many')
    if (call.args[0] !== 'baton') continue
    call.answer([[7, 't', baton, 1]])
    await settle()
    return
  }
}

test('requirement 12: the neighbour has the next baton before the batch is put, and that before the ack', async () => {
  const { log, callers, ring } = start('b')
  await ring.work((from) => ({ next: from + 10, work: () => log.push('work') }))
  await deliver(callers.b)
  expect(log).toEqual(['b put baton_watch m', 'c put baton m:5', 'work', 'b ack_many'])
  expect(callers.c.data('baton/m:5')).toMatchObject({ data: 50, branch: '' })
})

test('requirement 12: a step that is repeated passes no second baton', async () => {
  const { log, callers, ring } = start('b')
  let runs = 0
  const handler: RingHandler<number> = (from) => ({
    next: from + 10,
    work: () => {
      runs += 1
      if (runs === 1) throw new Error('full')
    },
  })
  await ring.work(handler)
  await deliver(callers.b)
  expect(log.at(-1)).toBe('b fail_many')
  await deliver(callers.b)
  expect(runs).toBe(2)
  expect(log.at(-1)).toBe('b ack_many')
  expect(callers.c.batons).toEqual(['m:5'])
  expect(callers.c.data('baton/m:5')).toMatchObject({ branch: '' })
  expect(callers.a.batons).toEqual([])
})

test('requirement 13: what a lost neighbour may have goes to the next as a branch', async () => {
  const { callers, ring } = start('b')
  callers.c.failure = LOST
  await ring.work((from) => ({ next: from + 10 }))
  await deliver(callers.b)
  const { branch, born } = callers.a.data('baton/m:5')
  expect(branch).not.toBe('')
  expect(born).toBe(5)
})

test('requirement 13: when all neighbours are down the baton stays here', async () => {
  const { callers, ring } = start('b')
  callers.a.failure = DOWN
  callers.c.failure = DOWN
  await ring.work((from) => ({ next: from + 10 }))
  await deliver(callers.b)
  expect(callers.b.data('baton/m:5')).toMatchObject({ branch: '', hop: 5 })
})

test('a drained server gets no baton', async () => {
  const { callers, ring } = start('b')
  ring.drain('c')
  await ring.work((from) => ({ next: from + 10 }))
  await deliver(callers.b)
  expect(callers.c.batons).toEqual([])
  expect(callers.a.batons).toEqual(['m:5'])
})

test('an old baton is dropped when a server has seen a later one, and a fresh one asks nobody', async () => {
  const { clock, callers, ring } = start('b')
  const dropped: string[] = []
  const picked: number[] = []
  ring.on('dropped', (mailing, hop) => dropped.push(`${mailing}:${hop}`))
  callers.a.tasks.set('baton_watch/m', { mailing: 'm', hop: 6, branch: 'x', born: 4, next: { ...BATON, hop: 7 } })
  await ring.work((from) => {
    picked.push(from)
    return {}
  })
  await deliver(callers.b)
  expect(picked).toEqual([40])
  clock.advance(6000)
  callers.b.tasks.clear()
  await deliver(callers.b)
  expect(picked).toEqual([40])
  expect(dropped).toEqual(['m:4'])
})

test('nobody gets a baton when no server is there', async () => {
  const { callers, ring } = start('a')
  for (const caller of Object.values(callers)) caller.failure = DOWN
  await expect(ring.start('m', 0)).rejects.toMatchObject({ code: 'NO_SERVER', sent: false })
})

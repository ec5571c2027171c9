import { type Client, connect } from '@tarantella/connector'
import { expect, test } from 'vitest'
import { deferred } from '../helpers/deferred.ts'
import { type QueueServer, startQueue } from '../helpers/start-queue.ts'

/** A few here; more by `KILL_ROUNDS`. */
const ROUNDS = Number(process.env['KILL_ROUNDS'] ?? 3)
const PRODUCERS = 20
const CONSUMERS = 10

type Task = readonly [id: number, state: string, data: number, token: number]

/** What the clients were told, and what they asked for without hearing of it. */
class Ledger {
  readonly confirmedPuts = new Map<number, number>()
  readonly attemptedAcks = new Set<number>()
  readonly confirmedAcks = new Set<number>()
  /** id → payload, of every task that was ever seen. */
  readonly seen = new Map<number, number>()
  readonly reused: number[] = []
  #next = 0
  #enough = { puts: Number.POSITIVE_INFINITY, reached: (): void => undefined }

  /** Resolves when so many more puts have been confirmed. */
  untilMorePuts(count: number): Promise<void> {
    const reached = deferred()
    this.#enough = { puts: this.confirmedPuts.size + count, reached: reached.resolve }
    return reached.promise
  }

  confirmPut(id: number, data: number): void {
    this.confirmedPuts.set(id, data)
    this.see(id, data)
    if (this.confirmedPuts.size >= this.#enough.puts) this.#enough.reached()
  }

  nextData(): number {
    this.#next += 1
    return this.#next
  }

  see(id: number, data: number): void {
    const before = this.seen.get(id)
    if (before !== undefined && before !== data) this.reused.push(id)
    this.seen.set(id, data)
  }
}

async function produce(client: Client, ledger: Ledger): Promise<void> {
  for (;;) {
    if (Math.random() < 0.5) {
      const data = ledger.nextData()
      const [task] = await client.call<[Task]>('queue.put', ['t', data])
      ledger.confirmPut(task[0], data)
    } else {
      const many = Array.from({ length: 20 }, () => ledger.nextData())
      const [results] = await client.call<[[number, string][]]>('queue.put_many', ['t', many.map((data) => [data])])
      for (const [i, [id]] of results.entries()) {
        ledger.confirmPut(id, many[i] ?? Number.NaN)
      }
    }
  }
}

async function consume(client: Client, ledger: Ledger): Promise<void> {
  for (;;) {
    const [tasks] = await client.call<[Task[]]>('queue.take_many', ['t', 5, 1])
    for (const [id, , data] of tasks) ledger.see(id, data)
    const acked = tasks.filter(() => Math.random() < 0.7)
    for (const [id] of acked) ledger.attemptedAcks.add(id)
    if (acked.length === 0) continue
    const [results] = await client.call<[([number, string] | object)[]]>('queue.ack_many', [
      't',
      acked.map(([id, , , token]) => [id, token]),
    ])
    for (const [i, result] of results.entries()) {
      const id = acked[i]?.[0]
      if (Array.isArray(result) && id !== undefined) ledger.confirmedAcks.add(id)
    }
  }
}

/** Works until the server is killed under it, after some hundred confirmed puts more. */
async function workUntilKilled(server: QueueServer, ledger: Ledger): Promise<void> {
  const client = await connect(server.uriOf('admin'), { reconnect: false })
  const killed = ledger.untilMorePuts(500 + Math.floor(Math.random() * 1000)).then(() => server.kill())
  const loops = [
    ...Array.from({ length: PRODUCERS }, () => produce(client, ledger)),
    ...Array.from({ length: CONSUMERS }, () => consume(client, ledger)),
  ]
  // Each of them ends by the lost connection.
  const ends = await Promise.allSettled(loops)
  for (const end of ends) {
    expect(end).toMatchObject({
      status: 'rejected',
      reason: { name: expect.stringMatching(/ConnectionError/) as string },
    })
  }
  await killed
  await client.close()
}

async function takeAll(server: QueueServer, ledger: Ledger): Promise<Set<number>> {
  const client = await connect(server.uriOf('admin'))
  const left = new Set<number>()
  for (;;) {
    const [tasks] = await client.call<[Task[]]>('queue.take_many', ['t', 1000, 0])
    if (tasks.length === 0) break
    for (const [id, , data] of tasks) {
      left.add(id)
      ledger.see(id, data)
    }
  }
  // Its end makes them ready again.
  await client.close()
  return left
}

test(
  'a server killed in full work keeps every confirmed put, brings no confirmed ack back and gives no id twice',
  async () => {
    const server = await startQueue('t:fifo')
    const ledger = new Ledger()
    for (let round = 0; round < ROUNDS; round += 1) {
      await workUntilKilled(server, ledger)
      await server.restart()
      const left = await takeAll(server, ledger)
      const lost = [...ledger.confirmedPuts.keys()].filter((id) => !left.has(id) && !ledger.attemptedAcks.has(id))
      const back = [...left].filter((id) => ledger.confirmedAcks.has(id))
      expect({ round, lost, back, reused: ledger.reused }).toEqual({ round, lost: [], back: [], reused: [] })
    }
    expect(ledger.confirmedAcks.size).toBeGreaterThan(0)
  },
  60_000 + ROUNDS * 10_000,
)

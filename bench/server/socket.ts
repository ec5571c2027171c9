import type { Client } from '@tarantella/connector'
import type { Timing } from './measure.ts'

const PAYLOAD = { user: 1, text: 'Your horoscope is here' }
const BATCH = 100

type Cycle = (client: Client) => Promise<void>

const single: Cycle = async (client) => {
  await client.call('queue.tube.cycle:put', [PAYLOAD])
  const [task] = await client.call<[[number] | undefined]>('queue.tube.cycle:take', [0])
  if (task !== undefined) await client.call('queue.tube.cycle:ack', [task[0]])
}

const raw: Cycle = async (client) => {
  const row = await client.insert<[number]>('cycle', [null, 'r', PAYLOAD])
  await client.get('cycle', [row[0]])
  await client.delete('cycle', [row[0]])
}

const batch: Cycle = async (client) => {
  await client.call('queue.put_many', ['batch', Array.from({ length: BATCH }, () => [PAYLOAD])])
  const [tasks] = await client.call<[[number, string, unknown, number][]]>('queue.take_many', ['batch', BATCH, 0])
  if (tasks.length > 0) {
    await client.call('queue.ack_many', ['batch', tasks.map(([id, , , token]) => [id, token])])
  }
}

/** Cycles over one socket, each three requests; CPU time is this process's. */
export async function overSocket(
  client: Client,
  kind: 'single' | 'raw' | 'batch',
  operations: number,
  inFlight: number,
): Promise<Timing> {
  const cycle = { single, raw, batch }[kind]
  const perCycle = kind === 'batch' ? BATCH : 1
  let left = operations
  const loop = async (): Promise<void> => {
    while (left > 0) {
      left -= perCycle
      await cycle(client)
    }
  }
  const cpu = process.cpuUsage()
  const start = performance.now()
  await Promise.all(Array.from({ length: inFlight }, loop))
  const seconds = (performance.now() - start) / 1000
  const { user, system } = process.cpuUsage(cpu)
  return { operations, seconds, cpuSeconds: (user + system) / 1e6 }
}

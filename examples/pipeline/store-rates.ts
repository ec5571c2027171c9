import { type Client, connect } from '@tarantella/connector'

/** A row for the store. */
export interface Item {
  readonly id: number
  readonly text: string
}

/** Writes a row; resolves when the store has it, 69 ms later. */
export async function store(tnt: Client, { id, text }: Item): Promise<void> {
  await tnt.call('store', [id, text])
}

export interface Rates {
  readonly sequential: number
  readonly connections: number
  readonly multiplexed: number
}

const CONNECTIONS = 8
/** Of the one connection. */
export const IN_FLIGHT = 128

/** Rows a second, by one request at a time, by eight connections with one each, and by one with 128 in flight. */
export async function storeRates(uri: string, { seconds }: { readonly seconds: number }): Promise<Rates> {
  const clients = await Promise.all(Array.from({ length: CONNECTIONS }, () => connect(uri)))
  const [first] = clients
  if (first === undefined) throw new Error('there is no connection')
  try {
    const sequential = await rateOf([first], seconds)
    const connections = await rateOf(clients, seconds)
    const multiplexed = await rateOf(
      Array.from({ length: IN_FLIGHT }, () => first),
      seconds,
    )
    return { sequential, connections, multiplexed }
  } finally {
    await Promise.all(clients.map((client) => client.close()))
  }
}

/** Every element is a line of requests, one after the other. */
async function rateOf(lines: readonly Client[], seconds: number): Promise<number> {
  const startedAt = performance.now()
  let count = 0
  await Promise.all(
    lines.map(async (tnt) => {
      while (performance.now() - startedAt < seconds * 1000) await store(tnt, { id: count++, text: 'rate' })
    }),
  )
  return count / ((performance.now() - startedAt) / 1000)
}

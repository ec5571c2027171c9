// The program of one server: takes part in the ring, makes batches and sends pushes of its own queue, and starts mailings
// by HTTP. Run by cluster.ts with its configuration.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connect } from '@tarantella/connector'
import { Queue } from '@tarantella/queue'
import { Ring, type RingResult } from '@tarantella/queue/servers'
import { type Batch, type Cursor, keyOf, type NodeConfig, type UserRow } from './messages.ts'
import { startBatches, startSenders } from './senders.ts'

// It is written by cluster.ts.
const config = JSON.parse(process.argv[2] ?? '') as NodeConfig
const { self, servers, batch, silence, holdAt } = config

// All tubes of a server go over one connection.
await using tnt = await connect(servers[self] ?? '')
await using queue = new Queue(tnt)
await using ring = new Ring<Cursor>({ self, servers: { ...servers, [self]: queue }, silence, connectTimeoutMs: 500 })
ring.on('passed', (mailing, hop, server) => console.log(`passed ${mailing} ${hop} to ${server}`))
ring.on('reissued', (mailing, hop, server) => console.log(`reissued ${mailing} ${hop} to ${server}`))
ring.on('dropped', (mailing, hop) => console.log(`dropped ${mailing} ${hop}`))
ring.on('failed', (error) => console.log(`failed ${String(error)}`))

let batons = 0
await ring.work(async ({ after }, { mailing }) => {
  batons += 1
  if (batons === holdAt) {
    console.log('holds the baton')
    // Until this process is killed.
    await new Promise(() => undefined)
  }
  return await pick(mailing, after)
})
const workers = [startBatches(queue, self), ...startSenders(queue, config)]

const http = createServer((request, response) => {
  request.resume()
  void start(request.method === 'POST' ? request.url : undefined).then(([status, text]) => {
    response.writeHead(status).end(text)
  })
})
http.listen(0, '127.0.0.1')
await once(http, 'listening')
// A server that listens on TCP has an address object.
console.log(`listens on ${(http.address() as AddressInfo).port}`)
await Promise.all(workers.map((worker) => worker.finished))

/** Cuts by cursor: what the keys are, and how far they lie apart, makes no difference to a batch's size. */
async function pick(mailing: string, after: Cursor['after']): Promise<RingResult<Cursor>> {
  const rows = await tnt.select<UserRow>('users', after === null ? [] : [after], { iterator: 'gt', limit: batch + 1 })
  const users = rows.slice(0, batch)
  const last = users.at(-1)
  const isEnd = last === undefined || rows.length <= batch
  if (isEnd) console.log(`ends ${mailing}`)
  const name = keyOf(mailing, after)
  return {
    ...(isEnd ? {} : { next: { after: last[0] } }),
    work: () => queue.tube<Batch>('batches').put({ mailing, name, users }, { key: name }),
  }
}

/** `POST /<mailing>`: 200 means that the mailing's first baton is stored, and nothing else does. */
async function start(path: string | undefined): Promise<[status: number, text: string]> {
  const mailing = path?.slice(1) ?? ''
  if (!/^[\w-]{1,60}$/.test(mailing)) return [404, 'POST /<mailing>\n']
  try {
    const server = await ring.start(mailing, { after: null })
    return [200, server === undefined ? 'is known already\n' : `is stored on ${server}\n`]
  } catch (error) {
    return [503, `${String(error)}\n`]
  }
}

import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import type { HandleMessage, PutMessage } from '@tarantella/queue'
import { expect, onTestFinished, test } from 'vitest'
import { startQueue } from '../helpers/start-queue.ts'

function on(channel: string, hear: (message: never) => void): void {
  const listener = (message: unknown): void => {
    hear(message as never)
  }
  subscribe(channel, listener)
  onTestFinished(() => {
    unsubscribe(channel, listener)
  })
}

test('what a producer’s tracing adds to a put reaches the handler through the server, over a delay and a restart', async () => {
  const server = await startQueue('push:fifottl')
  const producer = await server.queue('producer')
  on('tracing:tarantella:queue:put:start', ({ headers }: PutMessage) => {
    headers['traceparent'] = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  })
  const payload = { user: 1, bytes: new Uint8Array([1, 2]), text: 'ё' }
  await producer.tube('push').putMany([{ data: payload, delay: 0.2 }])
  await server.kill()
  await server.restart()
  const seen: unknown[] = []
  on('tracing:tarantella:queue:handle:start', ({ headers }: HandleMessage) => seen.push(headers))
  const consumer = await server.queue('consumer')
  const worker = consumer.tube<typeof payload>('push').work(({ data, headers }) => {
    seen.push(data.user, data.text, headers)
  })
  await once(worker, 'completed')
  const headers = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' }
  expect(seen).toEqual([headers, 1, 'ё', headers])
})

import { once } from 'node:events'
import { join } from 'node:path'
import { type Client, connect } from '@tarantella/connector'
import { DriverCaller, type DriverConnection } from '@tarantella/connector/tarantool-driver'
import { type Caller, Queue } from '@tarantella/queue'
import { overTarantoolQueue } from '@tarantella/queue/tarantool-queue'
import TarantoolConnection from 'tarantool-driver'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startQueue } from '../helpers/start-queue.ts'
import { startTarantool } from '../helpers/start-tarantool.ts'

interface Driver extends DriverConnection {
  disconnect(): void
}

// The package has no types of its own.
const Connection = TarantoolConnection as unknown as new (options: object) => Driver

/** A queue over a connection of tarantool-driver, which connects again by itself. */
async function overDriver(port: number): Promise<{ queue: Queue; caller: DriverCaller }> {
  const options = { host: '127.0.0.1', port, username: 'queue_admin', password: 'pw-admin', retryStrategy: () => 20 }
  const driver = new Connection(options)
  // The driver prints errors that nobody listens to.
  driver.on('error', () => undefined)
  const caller = new DriverCaller(driver)
  await once(caller, 'connect')
  const queue = new Queue(caller)
  onTestFinished(async () => {
    await queue.close({ graceMs: 0 })
    caller.release()
    driver.disconnect()
  })
  return { queue, caller }
}

describe('a queue over tarantool-driver', () => {
  test('puts, and its worker works through a restart of the server', async () => {
    const server = await startQueue('push:fifottl')
    const { queue, caller } = await overDriver(server.port)
    const tube = queue.tube<number>('push')
    await tube.putMany(Array.from({ length: 20 }, (_, data) => ({ data })))
    const done = new Set<number>()
    const worker = tube.work((task) => {
      done.add(task.data)
    })
    await expect.poll(() => done.size, { timeout: 10_000 }).toBe(20)
    const connected = once(caller, 'connect')
    await server.kill()
    await server.restart()
    await connected
    await tube.put(20)
    await expect.poll(() => done.size, { timeout: 20_000 }).toBe(21)
    await worker.close()
    expect((await queue.statistics('push')).tasks.taken).toBe(0)
  })

  test('refuses with the codes of single tasks', async () => {
    const server = await startQueue('push:fifottl')
    const { queue } = await overDriver(server.port)
    const tube = queue.tube('push')
    const { id } = await tube.put('a')
    const task = await tube.take(5)
    expect(task).toMatchObject({ id, data: 'a' })
    await tube.delete(id)
    await expect(task?.ack()).rejects.toMatchObject({ code: expect.stringMatching(/TASK_NOT_(TAKEN|FOUND)/) })
  })
})

const path = process.env['TARANTOOL_QUEUE_PATH'] ?? ''

/** A server with tarantool/queue, and a queue client over it. */
async function startPlain(
  wrap = (client: Client): Caller => overTarantoolQueue(client, { namespace: 'box.queue' }),
): Promise<Queue> {
  const lua = JSON.stringify(`${path}/?.lua;${join(path, '?', 'init.lua')};`)
  const script = `
    package.path = ${lua} .. package.path
    box.queue = require('queue')
    queue = box.queue
    box.queue.create_tube('push', 'fifottl', { if_not_exists = true })
    box.queue.create_tube('small', 'limfifottl', { if_not_exists = true, capacity = 1 })
  `
  const server = await startTarantool({ script })
  const client = await connect(server.uri)
  const queue = new Queue(wrap(client))
  onTestFinished(async () => {
    await queue.close({ graceMs: 0 })
    client.destroy()
  })
  return queue
}

// Without it the scripted server of packages/queue/test/tarantool-queue.test.ts plays the part.
const withTarantoolQueue = path === '' ? (): void => undefined : describe

withTarantoolQueue('a queue over tarantool/queue itself', () => {
  test('is found out where it is the global `queue`', async () => {
    const queue = await startPlain((client) => client)
    const tube = queue.tube('push')
    const puts = await Promise.all([tube.put('a'), tube.put('b')])
    expect(puts.map(({ state }) => state)).toEqual(['ready', 'ready'])
    for (const data of ['a', 'b']) {
      const task = await tube.take(5)
      expect(task?.data).toBe(data)
      await task?.ack()
    }
    expect((await queue.statistics('push')).tasks.total).toBe(0)
  })

  test('requirement 38: does what tubes, tasks and workers do', async () => {
    const queue = await startPlain()
    const tube = queue.tube('push')
    await tube.put('later', { at: new Date(Date.now() + 60_000) })
    const { id } = await tube.put({ user: 1 }, { pri: 1, ttl: 60, ttr: 30 })
    const task = await tube.take(5)
    expect(task).toMatchObject({ id, data: { user: 1 } })
    await task?.touch(5)
    await task?.release({ delay: 0.01 })
    const again = await tube.take(5)
    await again?.bury()
    expect(await tube.peek(id)).toMatchObject({ state: 'buried' })
    expect(await tube.kick(1)).toBe(1)
    const done: unknown[] = []
    const worker = tube.work(({ data }) => {
      done.push(data)
    })
    await tube.putMany([{ data: 2 }, { data: 3 }])
    await expect.poll(() => done.length, { timeout: 10_000 }).toBe(3)
    await worker.close()
    expect((await queue.statistics('push')).tasks).toMatchObject({ ready: 0, taken: 0, delayed: 1, done: 3 })
    await expect(again?.ack()).rejects.toMatchObject({ code: expect.any(String) })
    await tube.truncate()
  })

  test('requirement 37: a put that is not stored is refused, and a take that brings nothing is undefined', async () => {
    const queue = await startPlain()
    const small = queue.tube('small')
    await small.put(1)
    await expect(small.put(2)).rejects.toMatchObject({ code: 'QUEUE_FULL' })
    expect(await queue.tube('push').take(0)).toBeUndefined()
    expect(await queue.tube('push').take(0.05)).toBeUndefined()
    await expect(queue.tube('nope').put(1)).rejects.toMatchObject({ code: 'TUBE_NOT_FOUND' })
    const task = await small.take(1)
    await small.delete(task?.id ?? 0)
    await expect(task?.ack()).rejects.toMatchObject({ code: expect.stringMatching(/^TASK_NOT_/) })
  })
})

import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { Queue } from '../src/queue.ts'
import { overTarantoolQueue } from '../src/tarantool-queue.ts'
import { luaError, PlainServer } from './plain-server.ts'

/** Requirement 38: the functions are those of the namespace. */
function start() {
  const server = new PlainServer()
  const queue = new Queue(overTarantoolQueue(server, { namespace: 'box.queue' }))
  onTestFinished(() => queue.close({ graceMs: 0 }))
  return { server, queue, tube: queue.tube('push') }
}

test('requirement 38: puts of one turn are single calls by the names of the namespace, each with its own result', async () => {
  const { server, tube } = start()
  const puts = [tube.put({ user: 1 }), tube.put('two', { delay: 5, pri: 1 })]
  expect(await Promise.all(puts)).toEqual([
    { id: 0, state: 'ready' },
    { id: 1, state: 'ready' },
  ])
  expect(server.calls).toEqual([
    ['box.queue.tube.push:put', { user: 1 }],
    ['box.queue.tube.push:put', 'two', { delay: 5, pri: 1 }],
  ])
})

test('a moment goes out as a delay, a past one as none', async () => {
  const { server, tube } = start()
  await tube.put(1, { at: new Date(Date.now() + 60_000) })
  await tube.put(2, { at: new Date(0) })
  const delays = server.calls.map(([, , options]) => (options as { delay: number }).delay)
  expect(delays[0]).toBeGreaterThan(50)
  expect(delays[0]).toBeLessThanOrEqual(60)
  expect(delays[1]).toBe(0)
})

test('requirement 37: a put that is answered nil was not stored, and rejects alone', async () => {
  const { server, tube } = start()
  server.capacity = 1
  const [first, second] = await Promise.allSettled([tube.put(1), tube.put(2)])
  expect(first.status).toBe('fulfilled')
  expect(second).toMatchObject({ status: 'rejected', reason: { code: 'QUEUE_FULL', retryable: true } })
})

test('requirement 37: a take is undefined when nothing comes, and when the queue is not running', async () => {
  const { server, tube } = start()
  expect(await tube.take(0.01)).toBeUndefined()
  server.isRunning = false
  expect(await tube.take(0.01)).toBeUndefined()
  expect(server.calls.length).toBeLessThan(5)
})

test('a task is taken, peeked at, touched, buried, kicked and deleted', async () => {
  const { tube, queue, server } = start()
  await tube.put('a')
  const task = await tube.take(1)
  expect(task).toMatchObject({ id: 0, data: 'a' })
  await task?.touch(5)
  expect(server.calls.at(-1)).toEqual(['box.queue.tube.push:touch', 0, 5])
  await task?.bury()
  expect(await tube.peek(0)).toEqual({ id: 0, state: 'buried', data: 'a' })
  expect(await tube.kick(5)).toBe(1)
  expect(await tube.delete(0)).toMatchObject({ state: 'done' })
  await expect(tube.peek(0)).rejects.toMatchObject({ code: 'TASK_NOT_FOUND' })
  expect(await queue.statistics('push')).toMatchObject({ tasks: { total: 0 } })
  await tube.truncate()
})

test('takeMany brings what is ready, by growing rounds of takes that do not wait', async () => {
  const { server, tube } = start()
  for (let i = 0; i < 10; i += 1) server.ready(i)
  const tasks = await tube.takeMany(100, 1)
  expect(tasks.map(({ data }) => data)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  expect(server.calls.length).toBeLessThan(20)
  await tube.ackMany(tasks)
  expect(server.rows.size).toBe(0)
})

test('a refused ack is its own, with a code', async () => {
  const { server, tube } = start()
  await tube.putMany([{ data: 1 }, { data: 2 }])
  const [one, two] = await tube.takeMany(2, 1)
  // By its ttr.
  server.rows.set(0, { data: 1, state: 'r' })
  const results = await Promise.allSettled([one?.ack(), two?.ack()])
  expect(results).toMatchObject([{ reason: { code: 'TASK_NOT_TAKEN' } }, { status: 'fulfilled' }])
})

test('requirement 8: a task that comes for an aborted take goes back', async () => {
  const { server, tube } = start()
  const abort = new AbortController()
  const taking = tube.take(60, { signal: abort.signal })
  await expect.poll(() => server.calls.length).toBe(1)
  abort.abort(new Error('enough'))
  await expect(taking).rejects.toThrow('enough')
  server.ready('late')
  await expect.poll(() => server.calls.at(-1)).toEqual(['box.queue.tube.push:release', 0])
  expect(server.rows.get(0)?.state).toBe('r')
})

test('a worker works, and a handler that throws has its task again after the pause of the worker', async () => {
  const { server, tube } = start()
  let tries = 0
  const worker = tube.work(
    () => {
      tries += 1
      if (tries === 1) throw new Error('not yet')
    },
    { retry: { attempts: 3, delay: 0 } },
  )
  await tube.put('a')
  await once(worker, 'completed')
  expect([tries, server.rows.size]).toEqual([2, 0])
})

test('what tarantool/queue has not is refused by name, and nothing is sent', async () => {
  const { server, queue, tube } = start()
  const code = 'FUNCTION_MISSING'
  await expect(queue.health()).rejects.toMatchObject({ code, message: expect.stringContaining('queue.health') })
  await expect(queue.schedules.get('a')).rejects.toMatchObject({ code })
  await expect(tube.put(1, { timeout: 1 })).rejects.toMatchObject({ code })
  await expect(tube.put(1, { key: 'a' })).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringContaining('`key`'),
  })
  await expect(queue.tube('a.b').put(1)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  expect(server.calls).toEqual([])
})

test('a tube that is not there, and a connection that is lost, are told apart', async () => {
  const { server, queue, tube } = start()
  await expect(queue.tube('nope').put(1)).rejects.toMatchObject({ code: 'TUBE_NOT_FOUND' })
  const lost = Object.assign(new Error('lost'), { code: 'CONNECTION_LOST' })
  server.call = () => Promise.reject(lost)
  await expect(tube.put(1)).rejects.toBe(lost)
  server.call = () => Promise.reject(luaError('Out of memory', 'ER_MEMORY_ISSUE'))
  await expect(tube.put(1)).rejects.toMatchObject({ code: 'ER_MEMORY_ISSUE' })
})

test('a server with tarantool/queue and no batches is found out by the first of them, once', async () => {
  const server = new PlainServer('queue')
  const queue = new Queue(server)
  onTestFinished(() => queue.close({ graceMs: 0 }))
  const tube = queue.tube('push')
  expect(await Promise.all([tube.put('a'), tube.put('b')])).toMatchObject([{ id: 0 }, { id: 1 }])
  const task = await tube.take(1)
  await task?.ack()
  expect(server.calls.map(([fn]) => fn)).toEqual([
    'queue.put_many',
    'queue.statistics',
    'queue.tube.push:put',
    'queue.tube.push:put',
    'queue.tube.push:take',
    'queue.tube.push:ack',
  ])
})

test('a server with neither says that it has no queue', async () => {
  const server = new PlainServer('another')
  const queue = new Queue(server)
  onTestFinished(() => queue.close({ graceMs: 0 }))
  await expect(queue.tube('push').put('a')).rejects.toMatchObject({ code: 'QUEUE_SERVER_MISSING' })
})

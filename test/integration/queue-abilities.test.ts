import { Queue, QueueError } from '@tarantella/queue'
import { expect, onTestFinished, test } from 'vitest'
import { startQueue } from '../helpers/start-queue.ts'

async function open(): Promise<Queue> {
  return await (await startQueue('plain:fifottl')).queue()
}

test('a task that fails is counted, explained, moved to the dead at the maximum, and put back by redrive', async () => {
  const queue = await open()
  const dead = await queue.createTube('dead', { type: 'fifottl' })
  const tube = await queue.createTube('work', {
    type: 'fifottl',
    maxAttempts: 2,
    backoff: { kind: 'fixed', delay: 0.05 },
    deadLetter: 'dead',
  })
  const { id } = await tube.put({ n: 1 })
  await (await tube.take(1))?.fail(new TypeError('no route'))
  const info = await tube.info(id)
  expect(info).toMatchObject({ id, attempts: 1, error: 'TypeError: no route', maxAttempts: 2 })
  expect(info.backoff).toEqual({ kind: 'fixed', delay: 0.05 })
  expect(Math.abs(Date.now() - Number(info.failed))).toBeLessThan(5000)
  await (await tube.take(5))?.fail('again')
  const grave = await dead.take(1)
  expect(grave?.data).toEqual({ n: 1 })
  expect((await dead.info(grave?.id ?? -1)).origin).toMatchObject({ tube: 'work', id, attempts: 2, error: 'again' })
  await grave?.release()
  expect(await dead.redrive({ origin: 'work' })).toBe(1)
  expect((await tube.take(1))?.data).toEqual({ n: 1 })
})

test('a worker leaves failures to the tube that has a policy, and else sends them with its own', async () => {
  const queue = await open()
  const dead = await queue.createTube('dead', { type: 'fifottl' })
  await queue.createTube('strict', { type: 'fifottl', maxAttempts: 2, deadLetter: 'dead' })
  for (const [name, retry] of [
    ['strict', undefined],
    ['plain', { attempts: 3, delay: 0.01 }],
  ] as const) {
    let runs = 0
    const worker = queue.tube(name).work(
      () => {
        runs += 1
        throw new Error('503')
      },
      retry === undefined ? {} : { retry },
    )
    const told: string[] = []
    const last = new Promise<void>((resolve) => {
      worker.on('failed', (_task, _error, next) => {
        told.push(next.action)
        if (told.length === (name === 'strict' ? 2 : 3)) resolve()
      })
    })
    const { id } = await queue.tube(name).put(name)
    await last
    await worker.close()
    expect(runs).toBe(told.length)
    if (name === 'strict') expect([told, (await dead.take(1))?.data]).toEqual([['policy', 'policy'], 'strict'])
    else {
      expect(told).toEqual(['release', 'release', 'bury'])
      expect(await queue.tube(name).info(id)).toMatchObject({ state: 'buried', attempts: 3, error: 'Error: 503' })
    }
  }
})

// Requirement 22.
test('one task per key: a put tells what has become of it, and the task is found and cancelled by its key', async () => {
  const queue = await open()
  const tube = await queue.createTube<number>('keys', { type: 'fifottl', dedup: { window: 0 } })
  const { id } = await tube.put(1, { key: 'k', delay: 60 })
  expect(await tube.put(2, { key: 'k' })).toEqual({ id, state: 'delayed', dedup: 'duplicate' })
  expect(await tube.put(3, { key: 'k', dedup: 'replace', extend: true })).toEqual({
    id,
    state: 'ready',
    dedup: 'replaced',
  })
  expect(await tube.find({ key: 'k' })).toEqual({ id, state: 'ready', data: 3 })
  const task = await tube.take(1)
  expect((await tube.put(4, { key: 'k', dedup: 'after' })).dedup).toBe('after')
  await task?.ack()
  expect((await tube.take(1))?.data).toBe(4)
  expect(await tube.cancel('k')).toBe(false)
  await tube.put(5, { key: 'l' })
  expect(await tube.cancel('l')).toBe(true)
  expect(await tube.find({ key: 'l' })).toBeUndefined()
  await expect(queue.tube('plain').put(1, { key: 'k' })).rejects.toMatchObject({ code: 'ABILITY_NOT_ENABLED' })
})

test('a put with a timeout waits for room, and is refused when it does not come', async () => {
  const queue = await open()
  const tube = await queue.createTube('small', { type: 'fifo', capacity: 1, onFull: 'wait' })
  await tube.put(1)
  await expect(tube.put(2, { timeout: 0.05 })).rejects.toMatchObject({ code: 'QUEUE_FULL', retryable: true })
  const waiting = tube.put(3, { timeout: 30 })
  await (await tube.take(1))?.ack()
  expect((await waiting).state).toBe('ready')
  const limited = await queue.createTube('limited', { type: 'limfifottl', capacity: 1 })
  await limited.put(1)
  await expect(limited.put(2, { timeout: 0.05 })).rejects.toMatchObject({ code: 'QUEUE_FULL' })
})

test('a result, progress and log of a task reach whoever waits for its end', async () => {
  const queue = await open()
  const tube = await queue.createTube('reports', { type: 'fifottl', keep: { count: 10, failedAge: 60 } })
  const { id } = await tube.put('x')
  const waiting = tube.wait<{ url: string }>(id, 30)
  expect(await tube.wait(id, 0)).toEqual({ id, state: 'ready' })
  const task = await tube.take(1)
  await task?.progress({ percent: 40 })
  await task?.log('half')
  expect(await tube.result(id)).toEqual({ id, state: 'taken', progress: { percent: 40 }, log: ['half'] })
  await task?.complete({ url: '/r/1.pdf' })
  const { ended, ...result } = await waiting
  expect(ended).toBeInstanceOf(Date)
  expect(result).toEqual({
    id,
    state: 'done',
    outcome: 'done',
    result: { url: '/r/1.pdf' },
    progress: { percent: 40 },
    log: ['half'],
  })
  await expect(task?.log('late')).rejects.toMatchObject({ code: 'TASK_SETTLED' })
  const failing = await tube.put('y')
  await (await tube.take(1))?.fail('broken', { final: true })
  expect(await tube.waitAll([id, failing.id], 1)).toMatchObject([
    { outcome: 'done' },
    { outcome: 'failed', error: 'broken' },
  ])
  await expect(tube.waitAll([id, 999], 0)).rejects.toMatchObject({ code: 'BATCH_FAILED' })
  await expect(tube.result(999)).rejects.toMatchObject({ code: 'TASK_NOT_FOUND' })
})

test('a parent waits for its children, and knows how they have ended', async () => {
  const queue = await open()
  const parents = await queue.createTube('parents', { type: 'fifottl', flows: true })
  const children = await queue.createTube('children', { type: 'fifottl', flows: true, keep: true })
  const flow = await queue.putFlow({
    tube: 'parents',
    data: 'p',
    children: [
      { tube: 'children', data: 1, options: { pri: 1 } },
      { tube: 'children', data: 2, onFail: 'ignore' },
    ],
  })
  expect(flow).toEqual({
    tube: 'parents',
    id: 0,
    children: [
      { tube: 'children', id: 0, children: [] },
      { tube: 'children', id: 1, children: [] },
    ],
  })
  expect((await parents.peek(flow.id)).state).toBe('waiting')
  for (const task of await children.takeMany(2, 1)) {
    if (task.data === 1) await task.complete('one')
    else await task.fail('two', { final: true })
  }
  expect((await parents.take(5))?.data).toBe('p')
  expect(await parents.children(flow.id)).toEqual([
    { tube: 'children', id: 0, outcome: 'done', result: 'one' },
    { tube: 'children', id: 1, outcome: 'failed', error: 'two' },
  ])
  await expect(queue.putFlow({ tube: 'plain', data: 1 })).rejects.toBeInstanceOf(QueueError)
})

test('what is published to a topic is a task in each of its tubes', async () => {
  const queue = await open()
  await queue.createTube('mail', { type: 'fifo' })
  expect([await queue.subscribe('news', 'plain'), await queue.subscribe('news', 'mail')]).toEqual([true, true])
  expect(await queue.subscribe('news', 'mail')).toBe(false)
  expect(await queue.topics()).toEqual([{ topic: 'news', tubes: ['plain', 'mail'] }])
  expect(await queue.publish('news', { text: 'hello' }, { delay: 60 })).toEqual([
    { tube: 'plain', id: 0, state: 'delayed' },
    { tube: 'mail', id: 0, state: 'ready' },
  ])
  expect((await queue.tube('mail').take(1))?.data).toEqual({ text: 'hello' })
  expect(await queue.unsubscribe('news', 'mail')).toBe(true)
})

test('takeAny waits for several tubes at once; an aborted one leaves no task taken', async () => {
  const queue = await open()
  await queue.createTube('a', { type: 'fifo' })
  const waiting = queue.takeAny(['a', 'plain'], 30)
  await queue.tube('plain').put('p')
  const task = await waiting
  expect([task?.tube, task?.data]).toEqual(['plain', 'p'])
  await task?.ack()
  const abort = new AbortController()
  const aborted = queue.takeAny({ a: 3, plain: 1 }, 30, { signal: abort.signal })
  abort.abort(new Error('enough'))
  await expect(aborted).rejects.toThrow('enough')
  await queue.tube('a').put(1)
  await queue.tube('plain').put(2)
  const tasks = await queue.takeAnyMany({ a: 3, plain: 1 }, 10, 1)
  expect(tasks.map(({ tube, data }) => [tube, data]).sort()).toEqual([
    ['a', 1],
    ['plain', 2],
  ])
})

test('events are told in order, once, and the stream ends with the queue', async () => {
  const server = await startQueue('plain:fifottl')
  const queue = await server.queue()
  const tube = await queue.createTube('told', { type: 'fifottl', events: true })
  const reader = await Queue.connect(server.uriOf('admin'))
  onTestFinished(() => reader.close({ graceMs: 0 }))
  await tube.put('before')
  const events = reader.events({ after: 0, tube: 'told' })
  const first = (await events.next()).value
  expect(first).toMatchObject({ tube: 'told', id: 0, event: 'put', state: 'ready', isAfterGap: false })
  const waiting = events.next()
  await tube.put('later', { delay: 60 })
  expect((await waiting).value).toMatchObject({ id: 1, event: 'put', state: 'delayed', delay: 60 })
  await (await tube.take(1))?.ack()
  expect((await events.next()).value).toMatchObject({ id: 0, event: 'ack', state: 'done' })
  const last = events.next()
  await reader.close()
  expect(await last).toEqual({ done: true, value: undefined })
})

test('a tube is paused, resumed and held to a rate', async () => {
  const queue = await open()
  const tube = queue.tube('plain')
  await tube.put(1)
  expect([await tube.pause(), await tube.pause()]).toEqual([true, false])
  expect(await tube.take(0.05)).toBeUndefined()
  expect(await tube.resume()).toBe(true)
  await tube.setRate({ rate: 0.01, burst: 0 })
  await tube.put(2)
  expect((await tube.take(1))?.data).toBe(1)
  expect(await tube.take(0.05)).toBeUndefined()
  await tube.setRate({ rate: null })
  expect((await tube.take(1))?.data).toBe(2)
})

test('operators list, change, move and drop by the admin functions', async () => {
  const queue = await open()
  const { admin } = queue
  const tube = queue.tube('plain')
  const due = new Date(Date.now() + 3_600_000)
  for (let n = 0; n < 4; n += 1) await tube.put({ n }, n === 3 ? { at: due, pri: 2 } : {})
  const first = await admin.list('plain', { limit: 2 })
  expect(first.rows.map(({ id, data }) => [id, data])).toEqual([
    [0, { n: 0 }],
    [1, { n: 1 }],
  ])
  const rest = await admin.list('plain', { after: first.next ?? 0, preview: 100 })
  expect(rest.rows).toMatchObject([
    { id: 2, preview: '{"n":2}' },
    { id: 3, state: 'delayed', pri: 2 },
  ])
  expect(Math.abs(Number(rest.rows[1]?.due) - due.getTime())).toBeLessThan(2)
  expect(rest.next).toBeUndefined()
  expect(await admin.update('plain', 2, { data: 'new', pri: -1 })).toMatchObject({ id: 2 })
  const task = await tube.take(1)
  expect(task?.data).toBe('new')
  const whole = await admin.get('plain', 2)
  expect(whole).toMatchObject({ state: 'taken', delivered: true, lease: { session: whole.session } })
  expect(await admin.promote('plain', [3, 0])).toMatchObject([{ id: 3, state: 'ready' }, { code: 'TASK_WRONG_STATE' }])
  expect(await admin.releaseIds('plain', [2])).toEqual([{ id: 2, state: 'ready' }])
  await queue.createTube('other', { type: 'fifottl' })
  expect(await admin.move('plain', 'other', { ids: [0] })).toEqual({
    count: 1,
    more: false,
    full: false,
    tasks: [[0, 0]],
  })
  expect(await admin.drain('plain', { limit: 1 })).toMatchObject({ count: 1 })
  expect(await admin.kickWhere('plain')).toEqual({ count: 0, more: false })
  expect(await admin.promoteWhere('plain')).toEqual({ count: 0, more: false })
  expect((await admin.alter('plain', { ttr: 5 })).opts).toMatchObject({ ttr: 5 })
  expect((await admin.tubes()).rows.map(({ name, tasks }) => [name, tasks.total])).toEqual([
    ['other', 1],
    ['plain', 2],
  ])
  expect((await admin.sessions()).rows[0]).toMatchObject({ taken: 0, connections: [{ waiting: 0 }] })
  expect(await admin.waiters('plain')).toEqual({ total: 0, waiters: [] })
  expect(await admin.obliterate('other')).toBe(1)
})

test('whoever put a task gets what its handler has made of it', async () => {
  const queue = await open()
  const tube = await queue.createTube<number>('squares', { type: 'fifottl', keep: true })
  const worker = tube.work(({ data }) => data ** 2, { complete: true })
  const { id } = await tube.put(7)
  expect(await tube.wait<number>(id, 30)).toMatchObject({ outcome: 'done', result: 49 })
  await worker.close()
})

import { ConnectionError, decode, type RawMsgpack, ServerError } from '@tarantella/connector'
import { expect, test } from 'vitest'
import { QueueError } from '../src/errors.ts'
import { Queue } from '../src/queue.ts'
import type { WorkerOptions } from '../src/worker/options.ts'
import { FakeCaller, FakeClock, settle } from './fake-caller.ts'
import { start, task } from './start-worker.ts'

const throws = (): never => {
  throw new Error('503')
}

function startOf(info: unknown, options: WorkerOptions = {}) {
  const caller = new FakeCaller()
  if (info !== undefined) caller.answers.set('queue.info', info)
  const queue = new Queue(caller, {}, { clock: new FakeClock() })
  const worker = queue.tube('push').work(throws, { prefetch: 0, concurrency: 1, ...options })
  return { caller, worker }
}

test.each([{ max_attempts: 3 }, { backoff: { kind: 'fixed', delay: 7 } }])(
  'where the task or its tube has the policy %j, the server decides about failures',
  async (policy) => {
    const { caller, worker } = startOf({ id: 1, state: 't', attempts: 0, ...policy })
    const decisions: string[] = []
    worker.on('failed', (_task, _error, { action }) => decisions.push(action))
    ;(await caller.next('queue.take_many')).answer([task(1)])
    const fail = await caller.next('queue.fail_many')
    expect(fail.args).toEqual(['push', [[1, 1001, { error: 'Error: 503' }]]])
    fail.answer([[1, '-']])
    await settle()
    expect(decisions).toEqual(['policy'])
    void worker.close()
  },
)

test('a worker asks for the policy once, and not at all when its own options say who decides', async () => {
  const asking = startOf(undefined)
  ;(await asking.caller.next('queue.take_many')).answer([task(1)])
  const info = await asking.caller.next('queue.info')
  expect(info.args).toEqual(['push', 1])
  info.answer({ id: 1, state: 't', attempts: 0, max_attempts: 9 })
  ;(await asking.caller.next('queue.fail_many')).answer([[1, '~']])
  ;(await asking.caller.next('queue.take_many')).answer([task(2)])
  await asking.caller.next('queue.fail_many')
  void asking.worker.close()

  const byTube = startOf(undefined, { retry: 'tube' })
  ;(await byTube.caller.next('queue.take_many')).answer([task(1)])
  expect((await byTube.caller.next('queue.fail_many')).args[1]).toEqual([[1, 1001, { error: 'Error: 503' }]])
  void byTube.worker.close()

  const byWorker = startOf(undefined, { retry: { attempts: 1 } })
  ;(await byWorker.caller.next('queue.take_many')).answer([task(1)])
  const last = await byWorker.caller.next('queue.fail_many')
  expect(last.args[1]).toEqual([[1, 1001, { error: 'Error: 503', final: true }]])
  void byWorker.worker.close()
})

test.each([
  new ServerError('ER_NO_SUCH_PROC', 33, "Procedure 'queue.fail_many' is not defined", [], false),
  new ServerError('ER_ACCESS_DENIED', 42, "Execute access to function 'queue.fail_many' is denied", [], false),
])(
  'where the server refuses fail with $code, failures go by release and bury, and fail is not tried again',
  async (refusal) => {
    const { caller, worker } = start(throws, { concurrency: 1, retry: { attempts: 2, delay: 3, jitter: 0 } })
    ;(await caller.next('queue.take_many')).answer([task(1)])
    ;(await caller.next('queue.fail_many')).fail(refusal)
    const release = await caller.next('queue.release_many')
    expect(release.args[1]).toEqual([[1, 1001, { delay: 3 }]])
    release.answer([[1, '~']])
    ;(await caller.next('queue.take_many')).answer([task(1)])
    ;(await caller.next('queue.bury_many')).answer([[1, '!']])
    await settle()
    void worker.close()
  },
)

test('a failure whose policy cannot be asked for goes by the worker, and the next one asks again', async () => {
  const { caller, worker } = startOf(undefined)
  ;(await caller.next('queue.take_many')).answer([task(1)])
  ;(await caller.next('queue.info')).fail(
    new ConnectionError('CONNECTION_LOST', 'lost', { retryable: false, sent: true }),
  )
  const fail = await caller.next('queue.fail_many')
  expect(fail.args[1]).toMatchObject([[1, 1001, { error: 'Error: 503', delay: expect.any(Number) }]])
  fail.answer([[1, '~']])
  ;(await caller.next('queue.take_many')).answer([task(2)])
  ;(await caller.next('queue.info')).answer({ id: 2, state: 't', attempts: 1, max_attempts: 2 })
  expect((await caller.next('queue.fail_many')).args[1]).toEqual([[2, 1002, { error: 'Error: 503' }]])
  void worker.close()
})

test('a task tells why it has failed by name, code and message, in no more than the server keeps', async () => {
  const caller = new FakeCaller()
  const tube = new Queue(caller).tube('push')
  const taking = tube.takeMany(3)
  ;(await caller.next()).answer([task(1), task(2), task(3)])
  const [first, second, third] = await taking
  void first?.fail(new QueueError('HANDLER_TIMEOUT', 'slow'), { delay: 2 })
  void second?.fail('x'.repeat(5000), { final: true })
  void third?.fail()
  const fail = await caller.next('queue.fail_many')
  expect(fail.args[1]).toEqual([
    [1, 1001, { error: 'QueueError [HANDLER_TIMEOUT]: slow', delay: 2 }],
    [2, 1002, { error: 'x'.repeat(1024), final: true }],
    [3, 1003, {}],
  ])
  await expect(first?.fail('again')).rejects.toMatchObject({ code: 'TASK_SETTLED' })
})

test('a worker that completes gives the handler’s value as result; one without a MessagePack form is a failure', async () => {
  const values: unknown[] = [{ url: '/1' }, undefined, () => 1]
  const { caller, worker } = start(() => values.shift(), { concurrency: 3, complete: true, retry: { attempts: 1 } })
  ;(await caller.next('queue.take_many')).answer([task(1), task(2), task(3)])
  const ends = [await caller.next(), await caller.next()].toSorted((a, b) => a.fn.localeCompare(b.fn))
  expect(ends.map(({ fn }) => fn)).toEqual(['queue.complete_many', 'queue.fail_many'])
  const completed = ends[0]?.args[1] as [number, number, RawMsgpack][]
  expect(completed.map(([id, , result]) => [id, decode(result.bytes)])).toEqual([
    [1, { url: '/1' }],
    [2, null],
  ])
  expect(ends[1]?.args[1]).toMatchObject([[3, 1003, { final: true }]])
  void worker.close()
})

import type { HandlerContext } from '@tarantella/queue'
import { inThreads, type ThreadsOptions } from '@tarantella/queue/threads'
import { expect, onTestFinished, test } from 'vitest'
import { deferred } from '../helpers/deferred.ts'
import { startQueue } from '../helpers/start-queue.ts'

interface Payload {
  readonly do: string
}

const MODULE = new URL('../fixtures/threads/handler.mjs', import.meta.url)

function threads(options: ThreadsOptions = {}, module: URL = MODULE) {
  const handler = inThreads<Payload>(module, { threads: 1, ...options })
  onTestFinished(() => handler.close())
  const run = (what: string, signal: AbortSignal = new AbortController().signal): unknown => {
    // A handler in a thread reads no more of its task than this.
    const call = handler as unknown as (task: object, context: HandlerContext) => unknown
    const task = { id: 7, tube: 't', data: { do: what } }
    return call(task, {
      signal,
      attempt: 2,
      get isAborted() {
        return signal.aborted
      },
    })
  }
  return { handler, run }
}

test('a handler in a thread ends, and what it throws is thrown here with its code and cause', async () => {
  const { run } = threads()
  await expect(run('nothing')).resolves.toBeUndefined()
  const error: unknown = await Promise.resolve(run('fail')).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(Error)
  expect(error).toMatchObject({ name: 'RangeError', message: 'task 7 of t, try 2', code: 'E_TEST' })
  expect(error).toMatchObject({ cause: { message: 'why' }, stack: expect.stringContaining('handler.mjs') })
  await expect(run('throw a string')).rejects.toThrow('just text')
})

test('the signal aborts in the thread, too', async () => {
  const { run } = threads({ abortGraceMs: 60_000 })
  const abort = new AbortController()
  const running = run('wait for abort', abort.signal)
  const reason = new Error('enough')
  abort.abort(reason)
  await expect(running).rejects.toBe(reason)
  await expect(run('nothing')).resolves.toBeUndefined()
})

test('a thread whose handler does not heed its signal is ended, and the next task has a new one', async () => {
  const { run } = threads({ abortGraceMs: 0 })
  const abort = new AbortController()
  const running = run('spin', abort.signal)
  const reason = new Error('enough')
  abort.abort(reason)
  await expect(running).rejects.toBe(reason)
  await expect(run('nothing')).resolves.toBeUndefined()
})

test('a thread that exits fails its task alone', async () => {
  const { run } = threads()
  await expect(run('exit')).rejects.toThrow(/exit/i)
  await expect(run('nothing')).resolves.toBeUndefined()
})

test('a module without a handler is named in the error', async () => {
  const empty = new URL('data:text/javascript,export const nothing = 1')
  await expect(threads({}, empty).run('nothing')).rejects.toThrow('Expected the default export of data:')
})

test('a worker runs its tasks in threads, while its own thread keeps the leases', async () => {
  const server = await startQueue('t:fifottl')
  const queue = await server.queue()
  const tube = queue.tube<Payload>('t')
  const { handler } = threads({ threads: 2, abortGraceMs: 0 })
  await tube.putMany([
    { data: { do: 'spin' }, ttr: 0.5 },
    ...Array.from({ length: 20 }, () => ({ data: { do: 'nothing' } })),
  ])
  const spun = deferred<unknown>()
  const lost: number[] = []
  const worker = tube.work(handler, { concurrency: 2, ttr: 0.5, timeoutMs: 1500, retry: { attempts: 1 } })
  worker.on('failed', (_task, error) => spun.resolve(error))
  worker.on('lost', ({ id }) => lost.push(id))
  expect(await spun.promise).toMatchObject({ code: 'HANDLER_TIMEOUT' })
  await expect.poll(async () => (await queue.statistics('t')).tasks).toMatchObject({ buried: 1, total: 1 })
  expect(lost).toEqual([])
  await worker.close()
})

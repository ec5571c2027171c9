import { expect, onTestFinished, test } from 'vitest'
import { settle } from './fake-caller.ts'
import { NOT_TAKEN, start, task } from './start-worker.ts'

/** What nobody has handled, from now until the test ends. */
function watchUnhandled(): unknown[] {
  const unhandled: unknown[] = []
  const note = (reason: unknown): void => {
    unhandled.push(reason)
  }
  process.on('unhandledRejection', note)
  onTestFinished(() => void process.off('unhandledRejection', note))
  return unhandled
}

test('requirement 32: what a handler throws is told once, and is no unhandled rejection', async () => {
  const unhandled = watchUnhandled()
  const error = new Error('thrown')
  const { caller, worker, queue } = start(() => Promise.reject(error))
  const failures: unknown[] = []
  const refusals: unknown[] = []
  worker.on('failed', (_task, reason) => failures.push(reason))
  worker.on('refused', (reason) => refusals.push(reason))
  ;(await caller.next('queue.take_many')).answer([task(1)])
  await settle()
  // However the failure is told to the server.
  caller.calls.find(({ fn }) => fn !== 'queue.take_many')?.answer([[1, 'r']])
  await settle()
  expect({ failures, refusals, unhandled }).toEqual({ failures: [error], refusals: [], unhandled: [] })
  const closed = queue.close()
  for (const call of caller.calls.filter(({ fn }) => fn === 'queue.take_many')) call.answer([])
  await closed
})

test('requirement 32: an error that the handler awaits is the handler’s alone', async () => {
  const unhandled = watchUnhandled()
  const seen: unknown[] = []
  const { caller, worker, queue } = start(async (held) => {
    await held.ack().catch((error: unknown) => seen.push(error))
    await held.delete()
  })
  const failures: unknown[] = []
  worker.on('failed', (_task, reason) => failures.push(reason))
  worker.on('refused', (reason) => failures.push(reason))
  ;(await caller.next('queue.take_many')).answer([task(1)])
  await settle()
  caller.calls.find(({ fn }) => fn === 'queue.ack_many')?.answer([NOT_TAKEN])
  await settle()
  const remove = caller.calls.find(({ fn }) => fn === 'queue.delete_many')
  remove?.answer([[1, '-']])
  await settle()
  expect(seen).toMatchObject([{ code: 'TASK_NOT_TAKEN' }])
  expect({ failures, unhandled }).toEqual({ failures: [], unhandled: [] })
  const closed = queue.close()
  for (const call of caller.calls.filter(({ fn }) => fn === 'queue.take_many')) call.answer([])
  await closed
})

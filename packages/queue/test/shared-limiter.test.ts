import { expect, test } from 'vitest'
import { SharedLimiter } from '../src/limits.ts'
import { FakeCaller } from './fake-caller.ts'

const OPTIONS = { name: 'apns', rate: 100, burst: 50, nodelay: true }

test('checks of one turn travel in one call, and each gets its own answer', async () => {
  const caller = new FakeCaller()
  const limiter = new SharedLimiter(caller, OPTIONS)
  const checks = Promise.all(['ann', 'bob', 'ann'].map((key) => limiter.check(key)))
  const call = await caller.next('queue.limit_many')
  expect(call.args).toEqual([
    'apns',
    ['ann', 'bob', 'ann'],
    { rate: 100, burst: 50, delay: 0, nodelay: true, size: 10_000 },
  ])
  call.answer([
    [true, 0, 0],
    [true, 0.2, 1.5],
    [false, 0.007, 51],
  ])
  expect(await checks).toEqual([
    { granted: true, delayMs: 0, excess: 0 },
    { granted: true, delayMs: 200, excess: 1.5 },
    { granted: false, retryAfterMs: 7, excess: 51 },
  ])
  expect(caller.unseen).toEqual([])
})

test('more than 1000 checks travel in several calls', async () => {
  const caller = new FakeCaller()
  const limiter = new SharedLimiter(caller, OPTIONS)
  const checks = Array.from({ length: 1500 }, () => limiter.check('k'))
  for (const length of [1000, 500]) {
    const call = await caller.next()
    expect(call.args[1]).toHaveLength(length)
    call.answer(Array.from({ length }, () => [true, 0, 0]))
  }
  await Promise.all(checks)
})

test('checks beyond what may wait are refused at once', async () => {
  const caller = new FakeCaller()
  const limiter = new SharedLimiter(caller, { ...OPTIONS, maxWaiting: 2 })
  const checks = ['a', 'b', 'c'].map((key) => limiter.check(key))
  await expect(checks[2]).rejects.toMatchObject({ code: 'OVERLOADED', retryable: true, sent: false })
  ;(await caller.next()).answer([
    [true, 0, 0],
    [true, 0, 0],
  ])
  await Promise.all(checks.slice(0, 2))
})

test('a call that fails rejects every check that it carried', async () => {
  const caller = new FakeCaller()
  const limiter = new SharedLimiter(caller, OPTIONS)
  const checks = ['a', 'b'].map((key) => limiter.check(key))
  const settled = Promise.allSettled(checks)
  const lost = new Error('the connection is lost')
  ;(await caller.next()).fail(lost)
  expect((await settled).map((result) => result.status === 'rejected' && result.reason === lost)).toEqual([true, true])
})

test.each([[[]], [[[true, 0]]], [[['yes', 0, 0]]], [null]])(
  'the answer %j is an error, not a verdict',
  async (answer) => {
    const caller = new FakeCaller()
    const check = new SharedLimiter(caller, OPTIONS).check('k')
    ;(await caller.next()).answer(answer)
    await expect(check).rejects.toMatchObject({ code: 'UNEXPECTED_REPLY' })
  },
)

test('bad options and keys are refused before anything is sent', async () => {
  const caller = new FakeCaller()
  const wrong = expect.objectContaining({ code: 'INVALID_ARGUMENT' }) as Error
  expect(() => new SharedLimiter(caller, { ...OPTIONS, name: '' })).toThrow(wrong)
  expect(() => new SharedLimiter(caller, { ...OPTIONS, rate: -1 })).toThrow(wrong)
  await expect(new SharedLimiter(caller, OPTIONS).check('')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  expect(caller.calls).toEqual([])
})

import { expect, test, vi } from 'vitest'
import { within } from '../../src/util/within.ts'

const forever = { timeoutMs: Number.POSITIVE_INFINITY, signal: undefined }
const never = new Promise<never>(() => undefined)
const expired = (): Error => new Error('expired')

test('what settles in time settles the same', async () => {
  expect(await within(Promise.resolve(1), forever, expired)).toBe(1)
  await expect(within(Promise.reject(new Error('mine')), forever, expired)).rejects.toThrow('mine')
})

test('what does not is given up, and no timer or listener stays', async () => {
  vi.useFakeTimers()
  try {
    const late = within(never, { timeoutMs: 10, signal: undefined }, expired)
    const seen = expect(late).rejects.toThrow('expired')
    await vi.advanceTimersByTimeAsync(10)
    await seen
    const controller = new AbortController()
    const aborted = within(never, { timeoutMs: 10, signal: controller.signal }, expired)
    controller.abort('mine')
    await expect(aborted).rejects.toBe('mine')
    expect(vi.getTimerCount()).toBe(0)
  } finally {
    vi.useRealTimers()
  }
})

test('a signal that has aborted before is heeded at once', async () => {
  await expect(within(never, { timeoutMs: 10, signal: AbortSignal.abort('mine') }, expired)).rejects.toBe('mine')
})

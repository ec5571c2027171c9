import { expect, test, vi } from 'vitest'
import { AbortGroups } from '../../src/util/abort-groups.ts'

test('a thousand members share one listener, and it goes with the last of them', () => {
  const groups = new AbortGroups()
  const { signal } = new AbortController()
  const add = vi.spyOn(signal, 'addEventListener')
  const remove = vi.spyOn(signal, 'removeEventListener')
  const members = Array.from({ length: 1000 }, () => ({ abort: vi.fn() }))
  for (const member of members) groups.add(signal, member)
  expect(add).toHaveBeenCalledTimes(1)
  for (const member of members.slice(1)) groups.remove(signal, member)
  expect(remove).not.toHaveBeenCalled()
  for (const member of members.slice(0, 1)) groups.remove(signal, member)
  expect(remove).toHaveBeenCalledTimes(1)
  groups.add(signal, { abort: vi.fn() })
  expect(add).toHaveBeenCalledTimes(2)
})

test('an abort reaches every member with the reason, also when one removes others', () => {
  const groups = new AbortGroups()
  const controller = new AbortController()
  const reasons: unknown[] = []
  const second = { abort: (reason: unknown) => reasons.push(reason) }
  const first = {
    abort: (reason: unknown) => {
      reasons.push(reason)
      groups.remove(controller.signal, first)
      groups.remove(controller.signal, second)
    },
  }
  groups.add(controller.signal, first)
  groups.add(controller.signal, second)
  controller.abort('stop')
  expect(reasons).toEqual(['stop', 'stop'])
})

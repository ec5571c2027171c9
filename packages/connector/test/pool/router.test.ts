import { describe, expect, test, vi } from 'vitest'
import type { RequestOptions } from '../../src/client/request-options.ts'
import { ConnectionError, type ErrorFrame, ServerError, TarantellaError } from '../../src/errors.ts'
import { Uuid } from '../../src/msgpack/ext/uuid.ts'
import type { Mode } from '../../src/pool/roles.ts'
import { type Directory, Router, type Target } from '../../src/pool/router.ts'
import type { Request } from '../../src/protocol/request.ts'
import { PingRequest } from '../../src/protocol/requests/ping.ts'

type Answer = unknown

const LEADER = '10531b53-bea7-4062-a7d7-1545902d07f7'

/** An instance that answers as the test says, in order; an error is thrown. */
class FakeTarget implements Target {
  readonly name: string
  readonly answers: Answer[] = []
  readonly seen: (RequestOptions | undefined)[] = []
  isConnected = true

  constructor(name: string, ...answers: Answer[]) {
    this.name = name
    this.answers = answers
  }

  get client(): Target['client'] {
    if (!this.isConnected) return undefined
    return {
      exchange: async <R>(options: RequestOptions | undefined, build: () => Request<R>): Promise<R> => {
        build()
        this.seen.push(options)
        const answer = await this.answers.shift()
        if (answer instanceof Error) throw answer
        // The test says what the answer is.
        return answer as R
      },
    }
  }
}

class FakeDirectory implements Directory<FakeTarget> {
  readonly refused = vi.fn<(target: FakeTarget, uuid: string | undefined) => void>()
  readonly doubted = vi.fn<(target: FakeTarget) => void>()
  targets: FakeTarget[]

  constructor(...targets: FakeTarget[]) {
    this.targets = targets
  }

  pick(_mode: Mode, tried: ReadonlySet<FakeTarget> | undefined): FakeTarget | undefined {
    return this.targets.find((target) => tried?.has(target) !== true)
  }
}

function router(directory: FakeDirectory, waitingMax = 10): Router<FakeTarget> {
  return new Router({ requestTimeoutMs: 5000, waitingMax }, directory)
}

function lost(sent: boolean): ConnectionError {
  return new ConnectionError('CONNECTION_LOST', 'lost', { retryable: !sent, sent })
}

function overloaded(): ConnectionError {
  return new ConnectionError('OVERLOADED', 'full', { retryable: true, sent: false })
}

function readOnly(retryable: boolean, leader?: string): ServerError {
  const fields = leader === undefined ? {} : { leader_uuid: new Uuid(leader) }
  const frame: ErrorFrame = { type: 'ClientError', file: '', line: 0, message: '', errno: 0, number: 7, fields }
  return new ServerError('ER_READONLY', 7, 'read-only', [frame], retryable)
}

const loading = new ServerError('ER_LOADING', 116, 'Instance bootstrap hasn’t finished yet', [], true)
const refusal = new ServerError('ER_TUPLE_FOUND', 3, 'Duplicate key', [], false)
const ping = (): PingRequest => new PingRequest()
const turn = (): Promise<void> => new Promise(setImmediate)

describe('a request goes on to another instance', () => {
  test.each<[why: string, error: Error, options: RequestOptions]>([
    ['it was never sent', lost(false), {}],
    ['the instance takes no more', overloaded(), {}],
    ['a read-only instance refused it unexecuted', readOnly(true), {}],
    ['the instance still loads its data', loading, {}],
    ['it was lost on its way and may run twice', lost(true), { idempotent: true }],
    ['a function of it was refused and may run twice', readOnly(false), { idempotent: true }],
  ])('if %s', async (_why, error, options) => {
    const [first, second] = [new FakeTarget('a', error), new FakeTarget('b', 'done')]
    expect(await router(new FakeDirectory(first, second)).send('rw', options, ping)).toBe('done')
    expect([first.seen, second.seen].map(({ length }) => length)).toEqual([1, 1])
  })

  test.each<[why: string, error: Error, mode: Mode]>([
    ['it was lost on its way', lost(true), 'rw'],
    ['a function that was refused may have done something', readOnly(false), 'rw'],
    ['it is a write for readers', readOnly(true), 'ro'],
    ['it is a write for anybody', readOnly(true), 'any'],
    ['the server has answered', refusal, 'rw'],
    ['its time is over', new TarantellaError('REQUEST_TIMEOUT', 'late', { retryable: false, sent: true }), 'rw'],
    ['it makes no sense', new TypeError('wrong'), 'rw'],
  ])('but not if %s', async (_why, error, mode) => {
    const [first, second] = [new FakeTarget('a', error), new FakeTarget('b', 'done')]
    await expect(router(new FakeDirectory(first, second)).send(mode, {}, ping)).rejects.toBe(error)
    expect(second.seen).toEqual([])
  })

  test('with what is left of its time, and the rest of its options', async () => {
    const [first, second] = [new FakeTarget('a', lost(false)), new FakeTarget('b', 'done')]
    await router(new FakeDirectory(first, second)).send('rw', { timeoutMs: 1000, idempotent: true }, ping)
    expect(second.seen).toEqual([{ timeoutMs: expect.any(Number) as unknown, idempotent: true }])
    expect(second.seen[0]?.timeoutMs).toBeLessThan(1000)
    expect(second.seen[0]?.timeoutMs).toBeGreaterThan(0)
  })

  test('as a request built anew', async () => {
    const build = vi.fn(ping)
    await router(new FakeDirectory(new FakeTarget('a', lost(false)), new FakeTarget('b'))).send('rw', {}, build)
    expect(build).toHaveBeenCalledTimes(2)
  })

  test('and the refusal says who leads', async () => {
    const first = new FakeTarget('a', readOnly(true, LEADER))
    const directory = new FakeDirectory(first, new FakeTarget('b', 'done'))
    await router(directory).send('rw', {}, ping)
    expect(directory.refused).toHaveBeenCalledExactlyOnceWith(first, LEADER)
  })

  test('and one that still loads is asked what has become of it', async () => {
    const first = new FakeTarget('a', loading)
    const directory = new FakeDirectory(first, new FakeTarget('b', 'done'))
    await router(directory).send('rw', {}, ping)
    expect(directory.doubted).toHaveBeenCalledExactlyOnceWith(first)
  })

  test('but not for ever where all are overloaded', async () => {
    const error = overloaded()
    const targets = [new FakeTarget('a', overloaded()), new FakeTarget('b', error)]
    await expect(router(new FakeDirectory(...targets)).send('rw', {}, ping)).rejects.toBe(error)
  })
})

describe('where nobody can serve it, a request waits', () => {
  test('until somebody can', async () => {
    const directory = new FakeDirectory()
    const it = router(directory)
    const sent = it.send('rw', {}, ping)
    await turn()
    expect(it.waiting).toBe(1)
    directory.targets = [new FakeTarget('a', 'done')]
    it.wake()
    expect(await sent).toBe('done')
    expect(it.waiting).toBe(0)
  })

  test('again after an instance was lost in the meantime', async () => {
    const target = new FakeTarget('a', lost(false), 'done')
    const it = router(new FakeDirectory(target))
    const sent = it.send('rw', {}, ping)
    await turn()
    expect(it.waiting).toBe(1)
    it.wake()
    expect(await sent).toBe('done')
  })

  test('not at all if something has changed while it was on its way', async () => {
    let fail: (error: Error) => void = () => undefined
    const first = new FakeTarget('a', lost(false), 'done')
    const second = new FakeTarget('b', new Promise((_resolve, reject) => (fail = reject)))
    const it = router(new FakeDirectory(first, second))
    const sent = it.send('rw', {}, ping)
    await turn()
    expect(second.seen).toHaveLength(1)
    it.wake()
    fail(lost(false))
    expect(await sent).toBe('done')
  })

  test('no longer than its time limit', async () => {
    await expect(router(new FakeDirectory()).send('ro', { timeoutMs: 10 }, ping)).rejects.toMatchObject({
      code: 'REQUEST_TIMEOUT',
      message: 'No instance of the pool served `ro` within 10 ms; it was never executed',
      retryable: true,
      sent: false,
    })
  })

  test('and is as sent as it was before, when its time is over', async () => {
    const it = router(new FakeDirectory(new FakeTarget('a', lost(true))))
    await expect(it.send('rw', { timeoutMs: 10, idempotent: true }, ping)).rejects.toMatchObject({
      code: 'REQUEST_TIMEOUT',
      retryable: false,
      sent: true,
      cause: { code: 'CONNECTION_LOST' },
    })
  })

  test('until its signal aborts', async () => {
    const controller = new AbortController()
    const it = router(new FakeDirectory())
    const sent = it.send('rw', { signal: controller.signal }, ping)
    await turn()
    controller.abort('mine')
    await expect(sent).rejects.toBe('mine')
    expect(it.waiting).toBe(0)
    await expect(it.send('rw', { signal: controller.signal }, ping)).rejects.toBe('mine')
  })

  test('unless too many do', async () => {
    const it = router(new FakeDirectory(), 1)
    const sent = expect(it.send('rw', {}, ping)).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' })
    await expect(it.send('rw', {}, ping)).rejects.toMatchObject({ code: 'OVERLOADED', retryable: true, sent: false })
    it.close()
    await sent
  })

  test('unless waiting is switched off', async () => {
    await expect(router(new FakeDirectory(), 0).send('rw', {}, ping)).rejects.toMatchObject({
      code: 'CONNECTION_LOST',
      message: 'No instance of the pool serves `rw` now',
      retryable: true,
      sent: false,
    })
  })
})

describe('after close', () => {
  test('everything is refused', async () => {
    const it = router(new FakeDirectory(new FakeTarget('a', 'done')))
    it.close()
    await expect(it.send('rw', {}, ping)).rejects.toMatchObject({ code: 'CONNECTION_CLOSED', sent: false })
    await expect(it.client('rw', {})).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' })
  })

  test('what was under way goes on to nobody else', async () => {
    const [first, second] = [
      new FakeTarget(
        'a',
        turn().then(() => lost(true)),
      ),
      new FakeTarget('b', 'done'),
    ]
    const it = router(new FakeDirectory(first, second))
    const sent = it.send('rw', { idempotent: true }, ping)
    it.close()
    await expect(sent).rejects.toMatchObject({ code: 'CONNECTION_LOST', sent: true })
    expect(second.seen).toEqual([])
  })
})

test('an instance may be waited for by itself', async () => {
  const directory = new FakeDirectory(Object.assign(new FakeTarget('a'), { isConnected: false }))
  const it = router(directory)
  const client = it.client('rw', undefined)
  await turn()
  const target = new FakeTarget('b', 7)
  directory.targets = [target]
  it.wake()
  expect(await (await client).exchange(undefined, ping)).toBe(7)
})

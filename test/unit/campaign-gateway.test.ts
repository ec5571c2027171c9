import { describe, expect, onTestFinished, test } from 'vitest'
import { Gateway, isRefused } from '../../examples/campaign/gateway.ts'
import { Ledger } from '../../examples/campaign/ledger.ts'
import { PushRefused, PushService } from '../../examples/campaign/push-service.ts'
import type { PlannedPush } from '../../examples/campaign/schedule.ts'

function planned(id: string, dueAt = 0): PlannedPush {
  return { recipient: { id, platform: 'ios', zone: 'Asia/Tokyo', token: 't' }, tube: 'ios', dueAt }
}

/** Ids whose first request is refused, or accepted. */
function idsWhere(refused: boolean, count: number): string[] {
  const ids: string[] = []
  for (let i = 0; ids.length < count; i++) if (isRefused(`u${i}`, 1) === refused) ids.push(`u${i}`)
  return ids
}

async function start(ids: readonly string[]): Promise<{ ledger: Ledger; gateway: Gateway; service: PushService }> {
  const ledger = new Ledger(ids.map((id) => planned(id)))
  const gateway = await Gateway.start(ledger)
  onTestFinished(() => gateway[Symbol.asyncDispose]())
  const service = new PushService(gateway.url, 'ios', 4)
  onTestFinished(() => service.close())
  return { ledger, gateway, service }
}

function push(id: string): { id: string; token: string; title: string } {
  return { id, token: 't', title: 'Hello' }
}

function never(): AbortSignal {
  return new AbortController().signal
}

describe('the gateway', () => {
  test('refuses about 2 % of first requests, the same ones each time', () => {
    const ids = Array.from({ length: 10_000 }, (_, i) => `u${i}`)
    const refused = ids.filter((id) => isRefused(id, 1))
    expect(refused.length).toBeGreaterThan(150)
    expect(refused.length).toBeLessThan(250)
    expect(ids.filter((id) => isRefused(id, 1))).toEqual(refused)
  })

  test('draws anew for a repetition, so that none is refused for ever', () => {
    const ids = Array.from({ length: 10_000 }, (_, i) => `u${i}`)
    expect(ids.filter((id) => [1, 2, 3, 4, 5].every((attempt) => isRefused(id, attempt)))).toEqual([])
    const twice = ids.filter((id) => isRefused(id, 1) && isRefused(id, 2))
    expect(twice.length).toBeLessThan(15)
  })

  test('accepts a push and writes it into the ledger', async () => {
    const [id = ''] = idsWhere(false, 1)
    const { ledger, service } = await start([id])
    await service.send(push(id), never())
    await ledger.whenDelivered()
    expect(ledger.totals()).toMatchObject({ delivered: 1, lost: 0, retries: 0, duplicates: 0 })
  })

  test('answers 503 to a refused push, and its repetition counts as a retry', async () => {
    const [id = ''] = idsWhere(true, 1)
    const { ledger, service } = await start([id])
    await expect(service.send(push(id), never())).rejects.toEqual(new PushRefused(503))
    expect(ledger.totals()).toMatchObject({ delivered: 0, lost: 1, retries: 0 })
    await service.send(push(id), never())
    expect(ledger.totals()).toMatchObject({ delivered: 1, lost: 0, retries: 1, duplicates: 0 })
  })

  test('answers 404 to a push that nobody planned, 400 to what is no push', async () => {
    const [id = ''] = idsWhere(false, 1)
    const { gateway, service } = await start([id])
    await expect(service.send(push('stranger'), never())).rejects.toMatchObject({ status: 404 })
    for (const body of ['', '{"id":', '{"id":5}', '[]', 'null']) {
      expect((await fetch(`${gateway.url}/ios`, { method: 'POST', body })).status).toBe(400)
    }
    const body = JSON.stringify(push(id))
    expect((await fetch(`${gateway.url}/ios`, { method: 'PUT', body })).status).toBe(400)
  })

  test('hangs up on a body that does not end, and serves others further', async () => {
    const [id = ''] = idsWhere(false, 1)
    const { gateway, service } = await start([id])
    await expect(fetch(`${gateway.url}/ios`, { method: 'POST', body: 'x'.repeat(2_000_000) })).rejects.toThrow()
    await service.send(push(id), never())
  })
})

describe('the sender', () => {
  test('sends many pushes over no more connections than it may have', async () => {
    const ids = idsWhere(false, 200)
    const { ledger, service } = await start(ids)
    await Promise.all(ids.map((id) => service.send(push(id), never())))
    expect(ledger.totals().delivered).toBe(200)
  })

  test('rejects with the reason of its signal', async () => {
    const { service } = await start([])
    const reason = new Error('enough')
    await expect(service.send(push('u'), AbortSignal.abort(reason))).rejects.toBe(reason)
  })

  test('rejects if nobody listens', async () => {
    const { gateway, service } = await start(['u'])
    await gateway[Symbol.asyncDispose]()
    await expect(service.send(push('u'), never())).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })
})

describe('the ledger', () => {
  test('counts what came before its moment as early, also if it was refused then', () => {
    const ledger = new Ledger([planned('a', 100), planned('b', 100), planned('c', 100)])
    ledger.arrive('a', 99)
    ledger.arrive('a', 105)
    ledger.accept('a', 105)
    ledger.arrive('b', 100)
    ledger.accept('b', 100)
    expect(ledger.totals()).toMatchObject({ early: 1, delivered: 2, lost: 1, latenessMs: [0, 5] })
  })

  test('counts a second acceptance as a duplicate, and lateness by the first', () => {
    const ledger = new Ledger([planned('a', 100)])
    for (const now of [110, 900]) {
      ledger.arrive('a', now)
      ledger.accept('a', now)
    }
    expect(ledger.totals()).toMatchObject({ delivered: 1, duplicates: 1, retries: 0, latenessMs: [10] })
  })

  test('tells when so many recipients have got their push, duplicates not counted', async () => {
    const ledger = new Ledger([planned('a'), planned('b'), planned('c')])
    const told: string[] = []
    void ledger.whenDelivered(2).then(() => told.push('two'))
    void ledger.whenDelivered().then(() => told.push('all'))
    for (const [id, expected] of [
      ['a', []],
      ['a', []],
      ['b', ['two']],
      ['c', ['two', 'all']],
    ] as const) {
      ledger.accept(id, 1)
      await Promise.resolve()
      expect(told).toEqual(expected)
    }
    await ledger.whenDelivered(1)
  })

  test('gives each delivery once to whoever asks what is new', () => {
    const ledger = new Ledger([planned('a', 100), planned('b', 100)])
    ledger.arrive('a', 103)
    ledger.accept('a', 103)
    expect(ledger.takeRecent('ios')).toEqual({ delivered: 1, latenessMs: [3] })
    expect(ledger.takeRecent('ios')).toEqual({ delivered: 0, latenessMs: [] })
    expect([ledger.planned('ios'), ledger.deliveredOf('ios'), ledger.planned('android')]).toEqual([2, 1, 0])
  })
})

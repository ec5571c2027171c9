import { Queue } from '@tarantella/queue'
import { TarantoolServer } from '../server/tarantool-server.ts'
import { Gateway } from './gateway.ts'
import { Ledger, type LedgerTotals } from './ledger.ts'
import { Monitor } from './monitor.ts'
import type { CampaignOptions } from './options.ts'
import { pause } from './pause.ts'
import type { View } from './progress.ts'
import { putPushes } from './put-pushes.ts'
import { PLATFORMS, type Recipient } from './recipients.ts'
import { RunFolder } from './run-folder.ts'
import { type DayPlan, planDay } from './schedule.ts'
import { Senders } from './senders.ts'

/** All pushes are put before the first is due: the server takes several times as many a second. */
const LEAD_MS = 1_000
const PUTS_PER_MS = 10
/** The share of deliveries after which the server is killed: others are under way then. */
const KILL_AT = 0.4
/** So long without any delivery, when all pushes are due, means that no more will come. */
const STALL_MS = 30_000
/** When all is delivered: time for the last acks, and for pushes that come twice to come. */
const DRAIN_MS = 5_000
const DRAIN_POLL_MS = 50

export interface CampaignResult {
  readonly totals: LedgerTotals
  readonly seconds: number
  readonly serverKills: number
}

/** What the steps of one run share. */
interface Run {
  readonly options: CampaignOptions
  readonly view: View
  readonly server: TarantoolServer
  /** Aborts when the user stops the run, or a part of it has failed. */
  readonly signal: AbortSignal
  /** A part has failed and the run cannot go on. */
  readonly fail: (error: Error) => void
}

/**
 * Runs one campaign from starting the server to stopping it.
 *
 * @param stop ends it early: it rejects with the signal's reason when everything is stopped
 */
export async function runCampaign(
  recipients: readonly Recipient[],
  options: CampaignOptions,
  view: View,
  stop: AbortSignal,
): Promise<CampaignResult> {
  stop.throwIfAborted()
  const failure = new AbortController()
  const fail = (error: Error): void => failure.abort(error)
  const signal = AbortSignal.any([stop, failure.signal])
  await using folder = await RunFolder.open(options.dataDir)
  await using server = await TarantoolServer.start({ folder: folder.path, tubes: PLATFORMS, onUnexpectedExit: fail })
  const keepFolder = (): void => {
    folder.keep()
    view.note(`the server's data and log are in ${folder.path}`)
  }
  try {
    const result = await deliver(recipients, { options, view, server, signal, fail })
    if (result.totals.lost > 0) keepFolder()
    return result
  } catch (error) {
    if (!stop.aborted) keepFolder()
    throw error
  }
}

async function deliver(recipients: readonly Recipient[], run: Run): Promise<CampaignResult> {
  const { options, view, server, signal, fail } = run
  await using producer = await Queue.connect(server.uri('producer'))
  await using consumer = await Queue.connect(server.uri('consumer'))
  const startAt = Date.now() + LEAD_MS + recipients.length / PUTS_PER_MS
  const plan = planDay(recipients, { date: options.date, daySeconds: options.daySeconds, startAt })
  const ledger = new Ledger(plan.pushes)
  await using gateway = await Gateway.start(ledger)
  const { concurrency } = options
  await using senders = new Senders({
    queue: consumer,
    tubes: PLATFORMS,
    gatewayUrl: gateway.url,
    concurrency,
    onFailure: fail,
  })
  using monitor = new Monitor({ queue: producer, ledger, campaignTime: plan.campaignTime }, PLATFORMS, view)

  const startedAt = performance.now()
  await putPushes(producer, plan.pushes, signal)
  const putSeconds = (performance.now() - startedAt) / 1000
  view.note(
    `${recipients.length} pushes put ahead in ${putSeconds.toFixed(2)} s, due at 09:00 local time on ${options.date}`,
  )
  if (options.killServer) {
    await untilDelivered(Math.ceil(ledger.size * KILL_AT), ledger, plan, signal)
    await killAndStartAgain(run)
  }
  await untilDelivered(ledger.size, ledger, plan, signal)
  await drain(producer, signal)
  await senders.close()
  await monitor.refresh()
  const seconds = (performance.now() - startedAt) / 1000
  return { totals: ledger.totals(), seconds, serverKills: options.killServer ? 1 : 0 }
}

/** Waits for so many deliveries, or until everything is due and none has come for a while: what is missing then is lost. */
async function untilDelivered(count: number, ledger: Ledger, plan: DayPlan, signal: AbortSignal): Promise<void> {
  const reached = ledger.whenDelivered(count)
  await within(plan.lastDueAt - Date.now(), reached, signal)
  for (let before = -1; ledger.delivered < count && ledger.delivered > before; ) {
    before = ledger.delivered
    await within(STALL_MS, reached, signal)
  }
}

async function killAndStartAgain({ server, view }: Run): Promise<void> {
  await server.kill()
  const killedAt = performance.now()
  view.note('the queue server is killed (SIGKILL), and started again')
  await server.startAgain()
  view.note(`the queue server is back after ${((performance.now() - killedAt) / 1000).toFixed(2)} s`)
}

/** Waits until no task is left in the tubes, which a task delivered for the second time leaves last. */
async function drain(queue: Queue, signal: AbortSignal): Promise<void> {
  const until = performance.now() + DRAIN_MS
  while (performance.now() < until) {
    const statistics = await Promise.all(PLATFORMS.map((tube) => queue.statistics(tube)))
    if (statistics.every(({ tasks }) => tasks.total === 0)) return
    await pause(DRAIN_POLL_MS, signal)
  }
}

/** Waits for the promise, for `ms` at most; rejects with the signal's reason. */
async function within(ms: number, promise: Promise<unknown>, signal: AbortSignal): Promise<void> {
  const settled = new AbortController()
  try {
    await Promise.race([promise, pause(ms, AbortSignal.any([signal, settled.signal]))])
  } finally {
    settled.abort()
  }
}

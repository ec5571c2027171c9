import { Registry } from 'prom-client'
import { expect, onTestFinished, test } from 'vitest'
import { Metrics } from '../src/prometheus.ts'
import { settle } from './fake-caller.ts'
import { manual, start, startQueue, task } from './start-worker.ts'
import { storedBy, take } from './told.ts'

function measured() {
  const registry = new Registry()
  const metrics = new Metrics({ registry })
  onTestFinished(() => {
    metrics.stop()
  })
  return { registry, metrics }
}

/** Lines of the text format that have this name, without it. */
async function read(registry: Registry, name: string): Promise<string[]> {
  const text = await registry.metrics()
  const prefix = `tarantella_queue_${name}`
  return text
    .split('\n')
    .filter((line) => line.startsWith(prefix))
    .map((line) => line.slice(prefix.length))
}

test('puts, takes and acks are counted by tube and outcome, and timed', async () => {
  const { caller, queue } = startQueue()
  const { registry } = measured()
  const tube = queue.tube('push')
  await storedBy(caller, tube, 1)
  const full = tube.putMany([{ data: 1 }, { data: 2 }])
  ;(await caller.next()).answer([{ code: 'QUEUE_FULL', message: 'full' }, [0, 'r']])
  await full.catch(() => undefined)
  const acked = (await take(caller, tube, 1))?.ack()
  expect(await read(registry, 'calls_in_flight')).toContain('{tube="push",call="settle"} 1')
  ;(await caller.next('queue.ack_many')).answer([[5, '-']])
  await acked
  expect(await read(registry, 'put_tasks_total')).toEqual([
    '{tube="push",outcome="ok"} 1',
    '{tube="push",outcome="BATCH_FAILED"} 2',
  ])
  expect(await read(registry, 'put_duration_seconds_count')).toEqual(['{tube="push"} 2'])
  expect(await read(registry, 'taken_tasks_total')).toEqual(['{tube="push"} 1'])
  expect(await read(registry, 'settled_tasks_total')).toEqual(['{tube="push",operation="ack",outcome="ok"} 1'])
  expect(await read(registry, 'settle_duration_seconds_count')).toEqual(['{tube="push",operation="ack"} 1'])
  expect(await read(registry, 'calls_in_flight')).toEqual([
    '{tube="push",call="put"} 0',
    '{tube="push",call="take"} 0',
    '{tube="push",call="settle"} 0',
  ])
})

test('handlers are timed by outcome, and a worker that was added tells what it holds', async () => {
  const { runs, handler } = manual()
  const { registry, metrics } = measured()
  const { caller, worker } = start(handler, { concurrency: 2 })
  metrics.add('push', worker)
  ;(await caller.next('queue.take_many')).answer([task(1), task(2)])
  await settle()
  expect(await read(registry, 'running_handlers')).toEqual(['{worker="push"} 2'])
  expect(await read(registry, 'held_tasks')).toEqual(['{worker="push"} 2'])
  runs[0]?.end()
  runs[1]?.fail(new TypeError('no'))
  await settle()
  expect(await read(registry, 'handler_duration_seconds_count')).toEqual([
    '{tube="push",outcome="ok"} 1',
    '{tube="push",outcome="TypeError"} 1',
  ])
  metrics.remove('push')
  expect(await read(registry, 'running_handlers')).toEqual([])
})

test('stop takes everything out of the registry, and a new one may take its place', async () => {
  const { registry, metrics } = measured()
  metrics.stop()
  expect(await registry.metrics()).toBe('\n')
  new Metrics({ registry }).stop()
})

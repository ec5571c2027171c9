import { Registry, register } from 'prom-client'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Metrics, type MetricsOptions } from '../src/prometheus.ts'
import { FakeServer } from '../src/testing.ts'

function collecting(options: MetricsOptions = {}) {
  const registry = new Registry()
  const metrics = new Metrics({ registry, ...options })
  onTestFinished(() => metrics.stop())
  return { registry, metrics }
}

/** Lines of the exposition format that begin so. */
async function lines(registry: Registry, begin: string): Promise<string[]> {
  const text = await registry.metrics()
  return text.split('\n').filter((line) => line.startsWith(begin))
}

async function secondsOf(registry: Registry, operation: string): Promise<number> {
  const [sum = ''] = await lines(registry, `tarantella_request_duration_seconds_sum{operation="${operation}"}`)
  return Number(sum.split(' ')[1])
}

describe('prometheus metrics', () => {
  test('count requests by operation and outcome, and time them', async () => {
    const { registry } = collecting()
    const server = new FakeServer().onCall('f', () => [])
    const client = await server.connect()
    await Promise.all([client.call('f'), client.call('f'), client.ping()])
    await client.call('unknown').catch(() => undefined)
    expect(await lines(registry, 'tarantella_requests_total')).toEqual([
      'tarantella_requests_total{operation="call",outcome="ok"} 2',
      'tarantella_requests_total{operation="ping",outcome="ok"} 1',
      'tarantella_requests_total{operation="call",outcome="ER_NO_SUCH_PROC"} 1',
    ])
    expect(await lines(registry, 'tarantella_request_duration_seconds_count')).toEqual([
      'tarantella_request_duration_seconds_count{operation="call"} 3',
      'tarantella_request_duration_seconds_count{operation="ping"} 1',
    ])
    server.onCall('slow', () => new Promise((resolve) => setTimeout(() => resolve([]), 30)))
    const before = await secondsOf(registry, 'call')
    await client.call('slow')
    const seconds = (await secondsOf(registry, 'call')) - before
    expect(seconds).toBeGreaterThan(0.02)
    expect(seconds).toBeLessThan(20)
    await client.close()
  })

  test('count connects and losses', async () => {
    const { registry } = collecting()
    const server = new FakeServer()
    const client = await server.connect()
    server.disconnect()
    await client.ping()
    server.stop()
    await server.connect().catch(() => undefined)
    client.destroy()
    expect(await lines(registry, 'tarantella_disconnects_total')).toEqual([
      'tarantella_disconnects_total{code="CONNECTION_LOST"} 2',
    ])
    expect(await lines(registry, 'tarantella_connects_total{outcome="ok"}')).toEqual([
      'tarantella_connects_total{outcome="ok"} 2',
    ])
    expect(await lines(registry, 'tarantella_connects_total{outcome="CONNECT_FAILED"}')).toHaveLength(1)
  })

  test('give the figures of each client that was added, as they are at the scrape', async () => {
    const { registry, metrics } = collecting({ prefix: 'app_' })
    const server = new FakeServer().onCall('never', () => new Promise<unknown[]>(() => undefined))
    const client = await server.connect()
    metrics.add('main', client)
    client.call('never').catch(() => undefined)
    await client.ping()
    expect(await lines(registry, 'app_in_flight_requests')).toEqual(['app_in_flight_requests{client="main"} 1'])
    const { bytesIn } = client.stats
    expect(await lines(registry, 'app_received_bytes_total')).toEqual([
      `app_received_bytes_total{client="main"} ${bytesIn}`,
    ])
    expect(await lines(registry, 'app_received_bytes_total')).toEqual([
      `app_received_bytes_total{client="main"} ${bytesIn}`,
    ])
    client.destroy()
    metrics.remove('main')
    expect(await lines(registry, 'app_in_flight_requests')).toEqual([])
  })

  test('go when they are stopped, and may be made anew', async () => {
    const { registry, metrics } = collecting()
    metrics.stop()
    expect(registry.getMetricsAsArray()).toEqual([])
    const again = collecting({ registry })
    const client = await new FakeServer().connect()
    await client.ping()
    expect(await lines(again.registry, 'tarantella_requests_total')).toEqual([])
    expect(await lines(registry, 'tarantella_requests_total')).toEqual([
      'tarantella_requests_total{operation="ping",outcome="ok"} 1',
    ])
    await client.close()
  })

  test('are in the global registry unless another one is given', () => {
    const metrics = new Metrics({ buckets: [1] })
    expect(register.getSingleMetric('tarantella_requests_total')).toBeDefined()
    metrics.stop()
    expect(register.getSingleMetric('tarantella_requests_total')).toBeUndefined()
  })
})

import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { describe, expect, onTestFinished, test } from 'vitest'
import { connect } from '../src/client/client.ts'
import { instrument } from '../src/opentelemetry.ts'
import { FakeServer, serverError } from '../src/testing.ts'

function instrumented() {
  const exporter = new InMemorySpanExporter()
  const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
  const stop = instrument({ tracerProvider })
  onTestFinished(stop)
  return { exporter, tracerProvider, stop }
}

describe('a span is made', () => {
  test('of each request, with the attributes of the conventions for databases', async () => {
    const server = new FakeServer().onSpace('users', { select: () => [[1, 'secret']] }).onCall('add', () => [3])
    const client = await server.connect()
    const { exporter } = instrumented()
    await client.select('users', 'secret')
    await client.call('add', ['secret'])
    await client.ping()
    const spans = exporter.getFinishedSpans()
    expect(spans.map(({ name, kind }) => [name, kind])).toEqual([
      ['select users', SpanKind.CLIENT],
      ['call add', SpanKind.CLIENT],
      ['ping 127.0.0.1:3301', SpanKind.CLIENT],
    ])
    const common = { 'db.system.name': 'tarantool', 'server.address': '127.0.0.1', 'server.port': 3301 }
    expect(spans.map(({ attributes }) => attributes)).toEqual([
      { ...common, 'db.operation.name': 'select', 'db.collection.name': 'users' },
      { ...common, 'db.operation.name': 'call', 'db.stored_procedure.name': 'add' },
      { ...common, 'db.operation.name': 'ping' },
    ])
    expect(spans.every(({ status }) => status.code === SpanStatusCode.UNSET)).toBe(true)
    await client.close()
  })

  test('with the type of an error, and the number that the server has for it', async () => {
    const server = new FakeServer()
      .onCall('fail', () => Promise.reject(serverError('ER_READONLY', 'read-only')))
      .onCall('never', () => new Promise<unknown[]>(() => undefined))
    const client = await server.connect()
    const { exporter } = instrumented()
    await client.call('fail').catch(() => undefined)
    await client.call('never', [], { timeoutMs: 1 }).catch(() => undefined)
    await client.call('never', [], { signal: AbortSignal.timeout(1) }).catch(() => undefined)
    const [failed, late, aborted] = exporter.getFinishedSpans()
    expect(failed?.status).toEqual({ code: SpanStatusCode.ERROR, message: 'read-only' })
    expect(failed?.attributes).toMatchObject({ 'error.type': 'ER_READONLY', 'db.response.status_code': '7' })
    expect(late?.attributes).toMatchObject({ 'error.type': 'REQUEST_TIMEOUT' })
    expect(late?.attributes).not.toHaveProperty('db.response.status_code')
    expect(aborted?.attributes).toMatchObject({ 'error.type': 'TimeoutError' })
    client.destroy()
  })

  test('as a child of the span that is active at the call, and lasts until the reply', async () => {
    const manager = new AsyncLocalStorageContextManager().enable()
    context.setGlobalContextManager(manager)
    onTestFinished(() => context.disable())
    const client = await new FakeServer().onCall('f', () => []).connect()
    const { exporter, tracerProvider } = instrumented()
    const parent = tracerProvider.getTracer('test').startSpan('parent')
    await context.with(trace.setSpan(context.active(), parent), async () => {
      const promise = client.call('f')
      expect(exporter.getFinishedSpans()).toEqual([])
      await promise
    })
    const [span] = exporter.getFinishedSpans()
    expect(span?.parentSpanContext?.spanId).toBe(parent.spanContext().spanId)
    await client.close()
  })

  test('of each try to connect', async () => {
    const { exporter } = instrumented()
    await connect({ path: '/nowhere/tarantool.sock' }).catch(() => undefined)
    const [span] = exporter.getFinishedSpans()
    expect(span?.name).toBe('connect /nowhere/tarantool.sock')
    expect(span?.attributes).toEqual({
      'db.system.name': 'tarantool',
      'server.address': '/nowhere/tarantool.sock',
      'error.type': 'CONNECT_FAILED',
    })
  })
})

test('no span is made of what began before, nor after the end', async () => {
  let answer = (): void => undefined
  const server = new FakeServer().onCall('wait', () => new Promise((resolve) => (answer = () => resolve([]))))
  const client = await server.connect()
  const before = client.call('wait')
  await client.ping()
  const { exporter, stop } = instrumented()
  answer()
  await before
  expect(exporter.getFinishedSpans()).toEqual([])
  stop()
  await client.ping()
  expect(exporter.getFinishedSpans()).toEqual([])
  await client.close()
})

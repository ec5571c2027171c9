import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type InstrumentOptions, instrument } from '../src/opentelemetry.ts'
import { settle } from './fake-caller.ts'
import { start, startQueue } from './start-worker.ts'
import { storedBy, take } from './told.ts'

function instrumented(options: InstrumentOptions = {}) {
  const exporter = new InMemorySpanExporter()
  const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  const stop = instrument({ tracerProvider, propagator: new W3CTraceContextPropagator(), ...options })
  onTestFinished(() => {
    stop()
    context.disable()
  })
  return { exporter, tracer: tracerProvider.getTracer('test'), stop }
}

const common = { 'messaging.system': 'tarantella', 'messaging.destination.name': 'push' }

describe('spans follow the conventions for messaging:', () => {
  test('of a put, with the id that it got, as a child of the active span', async () => {
    const { caller, queue } = startQueue()
    const { exporter, tracer } = instrumented()
    const parent = tracer.startSpan('parent')
    await context.with(trace.setSpan(context.active(), parent), () => storedBy(caller, queue.tube('push'), 'secret'))
    const [span] = exporter.getFinishedSpans()
    expect(span).toMatchObject({ name: 'put push', kind: SpanKind.PRODUCER, status: { code: SpanStatusCode.UNSET } })
    expect(span?.parentSpanContext?.spanId).toBe(parent.spanContext().spanId)
    expect(span?.attributes).toEqual({
      ...common,
      'messaging.operation.name': 'put',
      'messaging.operation.type': 'send',
      'messaging.message.id': '5',
    })
  })

  test('of a batch, with how many it has, and what its error was', async () => {
    const { caller, queue } = startQueue()
    const { exporter } = instrumented()
    const put = queue.tube('push').putMany([{ data: 1 }, { data: 2 }])
    ;(await caller.next()).answer([[0, 'r'], { code: 'QUEUE_FULL', message: 'full' }])
    await put.catch(() => undefined)
    const [span] = exporter.getFinishedSpans()
    expect(span?.attributes).toMatchObject({ 'messaging.batch.message_count': 2, 'error.type': 'BATCH_FAILED' })
    expect(span?.status.code).toBe(SpanStatusCode.ERROR)
  })

  test('of a take and an ack, the former linked to where its tasks come from', async () => {
    const { caller, queue } = startQueue()
    const { exporter } = instrumented()
    const tube = queue.tube('push')
    const taken = await take(caller, tube, await storedBy(caller, tube, 1))
    const acked = taken?.ack()
    ;(await caller.next('queue.ack_many')).answer([[5, '-']])
    await acked
    const [put, took, ack] = exporter.getFinishedSpans()
    expect(took).toMatchObject({ name: 'take push', kind: SpanKind.CLIENT })
    expect(took?.links.map((link) => link.context.spanId)).toEqual([put?.spanContext().spanId])
    expect(ack).toMatchObject({ name: 'ack push', kind: SpanKind.CLIENT })
    expect(ack?.attributes).toEqual({
      ...common,
      'messaging.operation.name': 'ack',
      'messaging.operation.type': 'settle',
      'messaging.message.id': '5',
    })
  })
})

/** The payload of a put with the trace context of its span. */
async function put(): Promise<unknown> {
  const { caller, queue } = startQueue()
  return await storedBy(caller, queue.tube('push'), 1)
}

describe('the span of a handler', () => {
  test('is linked to the put that came from anywhere, and is active while the handler runs', async () => {
    const { exporter, tracer } = instrumented()
    const stored = await put()
    const { caller } = start(async () => {
      await Promise.resolve()
      tracer.startSpan('inner').end()
    })
    ;(await caller.next('queue.take_many')).answer([[5, 't', stored, 1]])
    await settle()
    const [sent, inner, processed] = exporter.getFinishedSpans()
    expect(processed).toMatchObject({ name: 'process push', kind: SpanKind.CONSUMER })
    expect(processed?.attributes).toMatchObject({ 'messaging.message.id': '5', 'tarantella.task.attempt': 1 })
    expect(processed?.links.map((link) => link.context.spanId)).toEqual([sent?.spanContext().spanId])
    expect(processed?.spanContext().traceId).not.toBe(sent?.spanContext().traceId)
    expect(inner?.parentSpanContext?.spanId).toBe(processed?.spanContext().spanId)
  })

  test("is a child of the put's by choice", async () => {
    const { exporter } = instrumented({ producer: 'parent' })
    const stored = await put()
    const { caller } = start(() => undefined)
    ;(await caller.next('queue.take_many')).answer([[5, 't', stored, 1]])
    await settle()
    const [sent, processed] = exporter.getFinishedSpans()
    expect(processed?.parentSpanContext?.spanId).toBe(sent?.spanContext().spanId)
  })

  test('tells what the handler threw', async () => {
    const { exporter } = instrumented()
    const { caller } = start(() => Promise.reject(new TypeError('no')))
    ;(await caller.next('queue.take_many')).answer([[5, 't', 1, 1]])
    await settle()
    const [span] = exporter.getFinishedSpans()
    expect(span?.status).toEqual({ code: SpanStatusCode.ERROR, message: 'no' })
    expect(span?.attributes).toMatchObject({ 'error.type': 'TypeError' })
    expect(span?.links).toEqual([])
  })
})

test('nothing travels when it is not wanted, or when nobody instruments', async () => {
  const { stop } = instrumented({ propagate: false })
  expect(await put()).toBe(1)
  stop()
  const { exporter } = instrumented()
  expect(await put()).toMatchObject({ value: 1, headers: { traceparent: expect.stringMatching(/^00-/) } })
  expect(exporter.getFinishedSpans()).toHaveLength(1)
})

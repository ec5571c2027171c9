import {
  type Attributes,
  type Context,
  context,
  type Link,
  propagation,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TextMapPropagator,
  type TracerProvider,
  trace,
} from '@opentelemetry/api'
import {
  errorLabel,
  type HandleMessage,
  handleChannel,
  listen,
  type PutMessage,
  putChannel,
  type SettleMessage,
  settleChannel,
  type TakeMessage,
  type TaskHeaders,
  takeChannel,
} from './diagnostics.ts'

const TRACER = '@tarantella/queue'
const SYSTEM = 'tarantella'

/** Options of {@link instrument}. */
export interface InstrumentOptions {
  /** @default the global one, as it is when `instrument` is called */
  readonly tracerProvider?: TracerProvider | undefined
  /** Writes a trace context into a task's headers, and reads it. @default the global one */
  readonly propagator?: Pick<TextMapPropagator, 'inject' | 'extract'> | undefined
  /**
   * Whether puts send their trace context with the task. It stands in an envelope around the payload, which
   * other clients than this one see. @default true
   */
  readonly propagate?: boolean | undefined
  /** What the span of the put is to the one of the handler, as the conventions have it, or its parent. @default 'link' */
  readonly producer?: 'link' | 'parent' | undefined
}

interface Started {
  readonly span: Span
  /** The span's own. */
  readonly context: Context
}

/**
 * Makes spans of all queues of this process, until the returned function is called: of each put (kind producer), take and ack
 * or the like (client), and run of a worker's handler (consumer), which is linked to the put wherever that was. The
 * handler's span is active while it runs. Names and attributes follow the semantic conventions for messaging.
 *
 * @example
 * const stop = instrument()
 * await tube.put(job) // span "put push"; where a worker runs it: "process push"
 */
export function instrument(options: InstrumentOptions = {}): () => void {
  const { tracerProvider, propagator, propagate = true, producer = 'link' } = options
  const tracer = (tracerProvider ?? trace).getTracer(TRACER)
  const spans = new WeakMap<object, Started>()

  const extract = (headers: TaskHeaders): Context => {
    if (propagator === undefined) return propagation.extract(context.active(), headers)
    return propagator.extract(context.active(), headers, GETTER)
  }
  const begin = (
    message: Told,
    operation: Operation,
    parent: Context = context.active(),
    links: Link[] = [],
  ): Started => {
    const { name, kind } = operation
    const attributes = { ...attributesOf(message, operation) }
    const span = tracer.startSpan(`${name} ${message.tube}`, { kind, attributes, links }, parent)
    const started = { span, context: trace.setSpan(parent, span) }
    spans.set(message, started)
    return started
  }
  // What has begun before this function was called has no span.
  const failed = (message: Told): void => {
    const { error } = message
    const text = error instanceof Error ? error.message : String(error)
    const span = spans.get(message)?.span
    span?.setStatus({ code: SpanStatusCode.ERROR, message: text }).setAttribute('error.type', errorLabel(error))
  }
  const settled = (message: Told): void => spans.get(message)?.span.end()

  const stops = [
    listen<PutMessage>(putChannel, {
      started: (message) => {
        const started = begin(message, { name: 'put', type: 'send', kind: SpanKind.PRODUCER })
        if (!propagate) return
        if (propagator === undefined) propagation.inject(started.context, message.headers)
        else propagator.inject(started.context, message.headers, SETTER)
      },
      failed,
      settled: (message) => {
        if (message.id !== undefined) spans.get(message)?.span.setAttribute('messaging.message.id', String(message.id))
        settled(message)
      },
    }),
    listen<TakeMessage>(takeChannel, {
      started: (message) => begin(message, { name: 'take', type: 'receive', kind: SpanKind.CLIENT }),
      failed,
      settled: (message) => {
        const span = spans.get(message)?.span
        if (message.wanted > 1) span?.setAttribute('messaging.batch.message_count', message.tasks.length)
        for (const { headers } of message.tasks) span?.addLinks(linksTo(headers, extract))
        settled(message)
      },
    }),
    listen<SettleMessage>(settleChannel, {
      started: (message) => begin(message, { name: message.operation, type: 'settle', kind: SpanKind.CLIENT }),
      failed,
      settled,
    }),
    listen<HandleMessage>(handleChannel, {
      started: (message) => {
        const { headers } = message
        const isChild = producer === 'parent' && headers !== undefined
        const parent = isChild ? extract(headers) : context.active()
        const operation = { name: 'process', type: 'process', kind: SpanKind.CONSUMER }
        const started = begin(message, operation, parent, linksTo(headers, extract))
        message.within = (run) => context.with(started.context, run)
      },
      failed,
      settled,
    }),
  ]
  return () => {
    for (const stop of stops) stop()
  }
}

type Told = PutMessage | TakeMessage | SettleMessage | HandleMessage

interface Operation {
  readonly name: string
  readonly type: string
  readonly kind: SpanKind
}

const SETTER = {
  set: (carrier: Record<string, string>, key: string, value: string): void => {
    carrier[key] = value
  },
}

const GETTER = {
  get: (carrier: TaskHeaders, key: string): string | undefined => carrier[key],
  keys: (carrier: TaskHeaders): string[] => Object.keys(carrier),
}

function linksTo(headers: TaskHeaders | undefined, extract: (headers: TaskHeaders) => Context): Link[] {
  const source = headers === undefined ? undefined : trace.getSpanContext(extract(headers))
  return source === undefined ? [] : [{ context: source }]
}

function attributesOf(message: Told, { name, type }: Operation): Attributes {
  const attributes: Attributes = {
    'messaging.system': SYSTEM,
    'messaging.destination.name': message.tube,
    'messaging.operation.name': name,
    'messaging.operation.type': type,
  }
  if ('id' in message && message.id !== undefined) attributes['messaging.message.id'] = String(message.id)
  if ('count' in message && message.count > 1) attributes['messaging.batch.message_count'] = message.count
  if ('attempt' in message) attributes['tarantella.task.attempt'] = message.attempt
  return attributes
}

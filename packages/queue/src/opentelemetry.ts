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
  type Tracer,
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
  const spans = new Spans(options)
  const failed = (message: Told): void => spans.fail(message)
  const settled = (message: Told): void => spans.end(message)
  const stops = [
    listen<PutMessage>(putChannel, { started: (message) => spans.beginPut(message), failed, settled }),
    listen<TakeMessage>(takeChannel, { started: (message) => spans.begin(message, TAKE), failed, settled }),
    listen<SettleMessage>(settleChannel, {
      started: (message) => spans.begin(message, { name: message.operation, type: 'settle', kind: SpanKind.CLIENT }),
      failed,
      settled,
    }),
    listen<HandleMessage>(handleChannel, { started: (message) => spans.beginHandler(message), failed, settled }),
  ]
  return () => {
    for (const stop of stops) stop()
  }
}

const PUT: Operation = { name: 'put', type: 'send', kind: SpanKind.PRODUCER }
const TAKE: Operation = { name: 'take', type: 'receive', kind: SpanKind.CLIENT }
const PROCESS: Operation = { name: 'process', type: 'process', kind: SpanKind.CONSUMER }

/** The spans of what is under way. What has begun before has none. */
class Spans {
  readonly #tracer: Tracer
  readonly #options: InstrumentOptions
  readonly #started = new WeakMap<object, Started>()

  constructor(options: InstrumentOptions) {
    this.#options = options
    this.#tracer = (options.tracerProvider ?? trace).getTracer(TRACER)
  }

  begin(message: Told, operation: Operation, parent: Context = context.active(), links: Link[] = []): Started {
    const { name, kind } = operation
    const attributes = attributesOf(message, operation)
    const span = this.#tracer.startSpan(`${name} ${message.tube}`, { kind, attributes, links }, parent)
    const started = { span, context: trace.setSpan(parent, span) }
    this.#started.set(message, started)
    return started
  }

  beginPut(message: PutMessage): void {
    const started = this.begin(message, PUT)
    const { propagate = true, propagator } = this.#options
    if (!propagate) return
    if (propagator === undefined) propagation.inject(started.context, message.headers)
    else propagator.inject(started.context, message.headers, SETTER)
  }

  beginHandler(message: HandleMessage): void {
    const { headers } = message
    const isChild = this.#options.producer === 'parent' && headers !== undefined
    const started = isChild
      ? this.begin(message, PROCESS, this.#extract(headers))
      : this.begin(message, PROCESS, context.active(), this.#linksTo(headers))
    message.within = (run) => context.with(started.context, run)
  }

  fail(message: Told): void {
    const { error } = message
    const text = error instanceof Error ? error.message : String(error)
    const span = this.#started.get(message)?.span
    span?.setStatus({ code: SpanStatusCode.ERROR, message: text }).setAttribute('error.type', errorLabel(error))
  }

  end(message: Told): void {
    const span = this.#started.get(message)?.span
    if (span === undefined) return
    if ('id' in message) span.setAttribute('messaging.message.id', String(message.id))
    if ('tasks' in message) {
      if (message.wanted > 1) span.setAttribute('messaging.batch.message_count', message.tasks.length)
      for (const { headers } of message.tasks) span.addLinks(this.#linksTo(headers))
    }
    span.end()
  }

  #extract(headers: TaskHeaders): Context {
    const { propagator } = this.#options
    if (propagator === undefined) return propagation.extract(context.active(), headers)
    return propagator.extract(context.active(), headers, GETTER)
  }

  #linksTo(headers: TaskHeaders | undefined): Link[] {
    const source = headers === undefined ? undefined : trace.getSpanContext(this.#extract(headers))
    return source === undefined ? [] : [{ context: source }]
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

function attributesOf(message: Told, { name, type }: Operation): Attributes {
  const attributes: Attributes = {
    'messaging.system': SYSTEM,
    'messaging.destination.name': message.tube,
    'messaging.operation.name': name,
    'messaging.operation.type': type,
  }
  if ('count' in message && message.count > 1) attributes['messaging.batch.message_count'] = message.count
  if ('attempt' in message) attributes['tarantella.task.attempt'] = message.attempt
  return attributes
}

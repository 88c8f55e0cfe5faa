import {
  type Attributes,
  type Context,
  context,
  createContextKey,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api'
import { batchSpan, databaseFailure, schemaVersion } from './conventions.js'
import type { SpanStart, TraceSpan, Tracing } from './tracing.js'

interface OtelOptions {
  version: string
  capturesContent: boolean
  /**
   * whether the program around us has set up OpenTelemetry. Then its instrumentation of HTTP may have begun a request's span,
   * which ours completes.
   */
  isForeign: boolean
  close(): Promise<void>
}

const kinds = { server: SpanKind.SERVER, client: SpanKind.CLIENT, internal: SpanKind.INTERNAL }
/** The attributes that spans below the current one have. */
const sharedKey = createContextKey('attributes of the spans below')

const sharedIn = (at: Context): Attributes => (at.getValue(sharedKey) as Attributes | undefined) ?? {}

const fail = (span: Span, type: string): void => {
  span.setAttribute('error.type', type)
  span.setStatus({ code: SpanStatusCode.ERROR })
}

const toTraceSpan = (span: Span, at: Context, end: () => void): TraceSpan => {
  let below = at
  return {
    run: (work) => context.with(below, work),
    set: (attributes) => void span.setAttributes(attributes),
    share(attributes) {
      span.setAttributes(attributes)
      below = below.setValue(sharedKey, { ...sharedIn(below), ...attributes })
    },
    rename: (name) => void span.updateName(name),
    event: (name) => void span.addEvent(name),
    fail: (type) => fail(span, type),
    end,
  }
}

/** Traces by the API of OpenTelemetry, to whatever is registered with it. */
export const otelTracing = ({ version, capturesContent, isForeign, close }: OtelOptions): Tracing => {
  const tracer = trace.getTracerProvider().getTracer('colloquy', version, {
    schemaUrl: `https://opentelemetry.io/schemas/${schemaVersion}`,
  })

  /** Completes the span that the instrumentation of the program around us has begun, and leaves its end to that. */
  const adopt = (span: Span, { name, attributes }: SpanStart): TraceSpan => {
    span.updateName(name)
    span.setAttributes(attributes)
    return toTraceSpan(span, context.active(), () => {})
  }

  const start = (begun: SpanStart): TraceSpan => {
    const { name, kind, attributes, received } = begun
    const around = isForeign && received ? trace.getActiveSpan() : undefined
    if (around) return adopt(around, begun)
    // Not below what is current: that may be an earlier request on the same connection.
    const parent = received ? propagation.extract(ROOT_CONTEXT, received) : context.active()
    const options = { kind: kinds[kind], attributes: { ...sharedIn(parent), ...attributes } }
    const span = tracer.startSpan(name, options, parent)
    return toTraceSpan(span, trace.setSpan(parent, span), () => void span.end())
  }

  return {
    capturesContent,
    start,
    async trace(begun, work, failureOf = () => 'error') {
      const span = start(begun)
      try {
        return await span.run(() => work(span))
      } catch (error) {
        const type = failureOf(error)
        if (type !== undefined) span.fail(type)
        throw error
      } finally {
        span.end()
      }
    },
    batches: (functionName) => ({
      origin: () => trace.getActiveSpan(),
      async run(origins, work) {
        const recorded = origins.filter((span) => span?.isRecording()) as Span[]
        const [first, ...others] = recorded
        if (!first) return context.with(ROOT_CONTEXT, work)
        const { name, attributes } = batchSpan(functionName, origins.length)
        const links = recorded.map((span) => ({ context: span.spanContext() }))
        const parent = trace.setSpan(ROOT_CONTEXT, first)
        const span = tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes, links }, parent)
        // A span has one parent, so the others find the batch by a link.
        for (const other of others) other.addLink({ context: span.spanContext() })
        try {
          return await context.with(trace.setSpan(parent, span), work)
        } catch (error) {
          const { type, status } = databaseFailure(error)
          span.setAttributes({ 'db.response.status_code': status })
          fail(span, type)
          throw error
        } finally {
          span.end()
        }
      },
    }),
    headers() {
      const carrier: Record<string, string> = {}
      propagation.inject(context.active(), carrier)
      return carrier
    },
    logFields() {
      const span = trace.getActiveSpan()
      if (!span) return {}
      const { traceId, spanId, traceFlags } = span.spanContext()
      // What a request has begun for everybody, such as a timer, still has its span, which has ended.
      if (traceFlags & TraceFlags.SAMPLED && !span.isRecording()) return {}
      return { trace_id: traceId, span_id: spanId }
    },
    detached: (work) => context.with(ROOT_CONTEXT, work),
    close,
  }
}

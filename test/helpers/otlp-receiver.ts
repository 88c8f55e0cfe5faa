import { createServer } from 'node:http'
import { buffer } from 'node:stream/consumers'
import type { Json } from './app.js'
import { listen } from './listen.js'
import type { Scope } from './scope.js'
import { until } from './wait.js'

export interface ReceivedSpan {
  traceId: string
  spanId: string
  /** undefined for the first of its trace */
  parentSpanId: string | undefined
  name: string
  kind: 'internal' | 'server' | 'client'
  attributes: Record<string, Json>
  isFailed: boolean
  statusMessage: string | undefined
  links: { traceId: string; spanId: string }[]
  events: string[]
  start: bigint
  end: bigint
  resource: Record<string, Json>
  schemaUrl: string
}

export interface OtlpReceiver {
  url: string
  spans: ReceivedSpan[]
  /** every request's body, as text */
  bodies: string[]
  contentTypes: Set<string>
  /** Waits for the first span that is so. */
  span(what: string, is: (span: ReceivedSpan) => boolean): Promise<ReceivedSpan>
  /** the spans right below this one, in the order of their begin */
  below(span: ReceivedSpan): ReceivedSpan[]
  /** From now on requests are left without an answer. */
  hang(): void
}

const kinds = { 1: 'internal', 2: 'server', 3: 'client' } as const

const readValue = (value: Json): Json => {
  if (value.arrayValue) return value.arrayValue.values.map(readValue)
  if (value.intValue !== undefined) return Number(value.intValue)
  return value.stringValue ?? value.boolValue ?? value.doubleValue
}
const toObject = (attributes: Json[] = []): Record<string, Json> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, readValue(value)]))

/** The spans of an OTLP request in JSON. */
const spansIn = (body: Json): ReceivedSpan[] =>
  body.resourceSpans.flatMap(({ resource, scopeSpans }: Json) =>
    scopeSpans.flatMap(({ spans, schemaUrl }: Json) =>
      spans.map((span: Json) => ({
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId: span.parentSpanId || undefined,
        name: span.name,
        kind: kinds[span.kind as keyof typeof kinds],
        attributes: toObject(span.attributes),
        isFailed: span.status?.code === 2,
        statusMessage: span.status?.message,
        links: (span.links ?? []).map(({ traceId, spanId }: Json) => ({ traceId, spanId })),
        events: (span.events ?? []).map(({ name }: Json) => name),
        start: BigInt(span.startTimeUnixNano),
        end: BigInt(span.endTimeUnixNano),
        resource: toObject(resource.attributes),
        schemaUrl,
      })),
    ),
  )

/** A collector of traces, over OTLP/HTTP; it reads JSON, and keeps protobuf as it comes. */
export const otlpReceiver = async (t: Scope): Promise<OtlpReceiver> => {
  const spans: ReceivedSpan[] = []
  const bodies: string[] = []
  const contentTypes = new Set<string>()
  let hangs = false
  const server = createServer(async (request, response) => {
    const type = request.headers['content-type'] ?? ''
    const body = (await buffer(request)).toString()
    contentTypes.add(type)
    bodies.push(body)
    if (type === 'application/json') spans.push(...spansIn(JSON.parse(body)))
    if (!hangs) response.writeHead(200, { 'content-type': type }).end(type === 'application/json' ? '{}' : '')
  })
  const url = await listen(t, server)
  return {
    url,
    spans,
    bodies,
    contentTypes,
    async span(what, is) {
      await until(() => spans.some(is), `the span of ${what} to arrive`)
      return spans.find(is) as ReceivedSpan
    },
    below: ({ traceId, spanId }) =>
      spans
        .filter((span) => span.traceId === traceId && span.parentSpanId === spanId)
        .sort((one, other) => Number(one.start - other.start)),
    hang() {
      hangs = true
    },
  }
}

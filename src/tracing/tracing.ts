import type { Attributes, Span } from '@opentelemetry/api'

/**
 * What the rooms tell of their work while it is traced. Where traces are off it is undefined: then no span is made, and
 * nothing of OpenTelemetry is loaded, so this file imports types alone.
 */
export interface Tracing {
  /** whether spans have the texts of messages and the arguments and results of tools */
  readonly capturesContent: boolean
  /** Begins a span below the current one. */
  start(span: SpanStart): TraceSpan
  /** Runs `work` in a span, which ends with it. `failureOf` names what it rejects with; undefined for no failure. */
  trace<T>(
    span: SpanStart,
    work: (span: TraceSpan) => Promise<T>,
    failureOf?: (error: unknown) => string | undefined,
  ): Promise<T>
  /** For calls of a function of the database, each of which serves several turns. */
  batches(functionName: string): BatchTracing
  /** the headers that tell another server of the current span (W3C Trace Context) */
  headers(): Record<string, string>
  /** what a log line says of the current span */
  logFields(): { trace_id?: string; span_id?: string }
  /** Runs `work` in no span: for what serves everybody and is begun by whoever comes first. */
  detached<T>(work: () => T): T
  /** Sends what is left of the spans, for a bounded time. */
  close(): Promise<void>
}

export interface SpanStart {
  name: string
  kind: 'server' | 'client' | 'internal'
  attributes: Attributes
  /** the headers of the request that it answers: it is below the span that these name, if any */
  received?: Readonly<Record<string, string | string[] | undefined>>
}

export interface TraceSpan {
  /** Runs `work` in this span: it is the current one in all that `work` begins. */
  run<T>(work: () => T): T
  /** Adds attributes; those that are undefined are left out. */
  set(attributes: Attributes): void
  /** The same, and adds them to each span that begins below it from now on. */
  share(attributes: Attributes): void
  rename(name: string): void
  event(name: string): void
  /** Marks it as failed. `type` is a code and never a message, which may quote a user. */
  fail(type: string): void
  end(): void
}

/** The spans of a group commit. */
export interface BatchTracing {
  /** the span that an entry is added in */
  origin(): Span | undefined
  /** Runs a batch in a span, with links between it and the spans of its entries. */
  run<T>(origins: readonly (Span | undefined)[], work: () => Promise<T>): Promise<T>
}

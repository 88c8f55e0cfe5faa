/**
 * OpenTelemetry's SDK, which is loaded only where traces are sent. `scripts/bundle-packages.ts` puts them into the built program, so
 * an install brings none of them: this file imports them alone.
 */
import { randomUUID } from 'node:crypto'
import { context, DiagLogLevel, diag, propagation, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { OTLPTraceExporter as ProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from '@opentelemetry/resources'
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base'

interface SdkOptions {
  version: string
  protocol: 'http/protobuf' | 'http/json'
  log: { warn(fields: object, text: string): void }
}

/** How long the end of the program waits for a collector. */
const CLOSE_MS = 2_000
/** A collector that is away fails every few seconds. */
const REPEAT_WARNING_MS = 60_000

/** The SDK's own faults go to our log: a failure to send once a minute, without what a collector has answered. */
const logFaults = (log: SdkOptions['log']): void => {
  let warnedAt = Number.NEGATIVE_INFINITY
  const warn = (message: string): void => {
    if (performance.now() - warnedAt < REPEAT_WARNING_MS) return
    warnedAt = performance.now()
    log.warn({ reason: message.slice(0, 500) }, 'traces cannot be sent')
  }
  const ignore = () => {}
  diag.setLogger(
    { error: warn, warn, info: ignore, debug: ignore, verbose: ignore },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  )
}

/** Starts the SDK, which reads the `OTEL_…` variables of the process. */
export const startSdk = ({ version, protocol, log }: SdkOptions): { close(): Promise<void> } => {
  logFaults(log)
  const exporter = protocol === 'http/json' ? new JsonExporter() : new ProtobufExporter()
  const provider = new BasicTracerProvider({
    resource: defaultResource()
      .merge(
        resourceFromAttributes({
          'service.name': 'colloquy',
          'service.version': version,
          'service.instance.id': randomUUID(),
        }),
      )
      .merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor(exporter)],
  })
  trace.setGlobalTracerProvider(provider)
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  // No baggage: a provider or a tool server is not to be told what a client has put there.
  propagation.setGlobalPropagator(new W3CTraceContextPropagator())
  return {
    async close() {
      let timer: NodeJS.Timeout | undefined
      const tooLong = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, CLOSE_MS)
      })
      await Promise.race([provider.shutdown().catch(() => {}), tooLong])
      clearTimeout(timer)
    },
  }
}

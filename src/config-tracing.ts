import type { EnvironmentReader } from './environment.js'
import type { TracingConfig } from './tracing/open-tracing.js'

const samplers = [
  ...['always_on', 'always_off', 'traceidratio'],
  ...['parentbased_always_on', 'parentbased_always_off', 'parentbased_traceidratio'],
]

/** Those that the SDK reads by itself, of which most are none of ours. */
const ofSdk = [
  ...['OTEL_SERVICE_NAME', 'OTEL_RESOURCE_ATTRIBUTES', 'OTEL_TRACES_SAMPLER', 'OTEL_TRACES_SAMPLER_ARG'],
  ...[
    'ENDPOINT',
    'HEADERS',
    'TIMEOUT',
    'COMPRESSION',
    'CERTIFICATE',
    'CLIENT_CERTIFICATE',
    'CLIENT_KEY',
  ].flatMap((name) => [`OTEL_EXPORTER_OTLP_${name}`, `OTEL_EXPORTER_OTLP_TRACES_${name}`]),
  ...['MAX_EXPORT_BATCH_SIZE', 'MAX_QUEUE_SIZE', 'SCHEDULE_DELAY', 'EXPORT_TIMEOUT'].map(
    (name) => `OTEL_BSP_${name}`,
  ),
  ...['OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT', 'OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT'],
]

/**
 * Reads the usual variables of OpenTelemetry. An endpoint, or the exporter itself, turns traces on.
 * https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 */
export const readTracing = ({ text, oneOf, webUrl, decimal }: EnvironmentReader): TracingConfig => {
  // As OpenTelemetry reads a boolean: anything else is false.
  const isTrue = (name: string) => text(name)?.toLowerCase() === 'true'
  const endpoint = webUrl('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT') ?? webUrl('OTEL_EXPORTER_OTLP_ENDPOINT')
  const exporter = oneOf('OTEL_TRACES_EXPORTER', ['otlp', 'none'], endpoint ? 'otlp' : 'none')
  const protocols = ['http/protobuf', 'http/json'] as const
  const protocol = oneOf('OTEL_EXPORTER_OTLP_PROTOCOL', protocols, 'http/protobuf')
  oneOf('OTEL_TRACES_SAMPLER', samplers, 'parentbased_always_on')
  decimal('OTEL_TRACES_SAMPLER_ARG', 1)
  return {
    isDisabled: isTrue('OTEL_SDK_DISABLED'),
    exports: exporter === 'otlp',
    protocol: oneOf('OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', protocols, protocol),
    capturesContent: isTrue('OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT'),
    variables: Object.fromEntries(ofSdk.flatMap((name) => [[name, text(name)]]).filter(([, value]) => value)),
  }
}

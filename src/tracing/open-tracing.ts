import { readFile } from 'node:fs/promises'
import { packageRoot } from '../root.js'
import type { Tracing } from './tracing.js'

export interface TracingConfig {
  isDisabled: boolean
  /** whether spans are sent to a collector */
  exports: boolean
  protocol: 'http/protobuf' | 'http/json'
  capturesContent: boolean
  /** the variables that the SDK reads, by their names */
  variables: Readonly<Record<string, string>>
}

interface OpenTracingOptions {
  log: { warn(fields: object, text: string): void }
  /** whether an SDK may be started; inside an app there is the app's or none */
  mayStart: boolean
}

/** What the API of OpenTelemetry 1.x has registered, in whichever copy of its package. */
const registered = (): { trace?: unknown } | undefined =>
  (globalThis as Record<symbol, unknown>)[Symbol.for('opentelemetry.js.api.1')] as
    | { trace?: unknown }
    | undefined

/** Whether the configuration, or the program around us, wants traces. */
export const wantsTracing = ({ isDisabled, exports }: TracingConfig): boolean =>
  !isDisabled && (exports || registered()?.trace !== undefined)

/**
 * Opens the traces: those of the program around us if it has set up OpenTelemetry (an app, or `node --import`), or else our own
 * SDK if the configuration wants one. Undefined when they are off: then nothing is loaded.
 */
export const openTracing = async (
  config: TracingConfig,
  { log, mayStart }: OpenTracingOptions,
): Promise<Tracing | undefined> => {
  const { capturesContent, protocol, variables } = config
  const isForeign = registered()?.trace !== undefined
  if (!wantsTracing(config) || !(isForeign || mayStart)) return undefined
  const { version } = JSON.parse(await readFile(new URL('package.json', packageRoot), 'utf8'))
  const { otelTracing } = await import('./otel-tracing.js')
  if (isForeign) return otelTracing({ version, capturesContent, isForeign, close: async () => {} })
  // What `.env` has is not there yet, and the SDK looks nowhere else.
  for (const [name, value] of Object.entries(variables)) process.env[name] ??= value
  const { startSdk } = await import('./sdk.js')
  const { close } = startSdk({ version, protocol, log })
  return otelTracing({ version, capturesContent, isForeign, close })
}

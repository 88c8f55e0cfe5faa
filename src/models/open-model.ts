import type { Tracing } from '../tracing/tracing.js'
import { echo } from './echo.js'
import type { LanguageModelSettings } from './language-model.js'
import type { Model } from './model.js'
import { type CredentialsByProvider, type ProviderName, providerNames, providers } from './providers.js'
import { type FallbackOptions, withFallback } from './with-fallback.js'
import { type RetryLimits, withRetries } from './with-retries.js'
import { withTemperature } from './with-temperature.js'
import { withTracing } from './with-tracing.js'

export interface ModelSettings extends LanguageModelSettings {
  /** of requests that have none of their own; undefined: the provider's default */
  temperature: number | undefined
}

export interface OpenModelOptions extends ModelSettings {
  credentials: CredentialsByProvider
  retries?: RetryLimits
  /** default: requests are not traced */
  tracing?: Tracing | undefined
}

/** The syntax of a model's name, for error messages. */
export const modelNameSyntax = `echo, or ${providerNames.map((name) => `${name}/<model>`).join(', ')}`

/** Splits `<provider>/<model>`; undefined when the provider is unknown. */
const parseModelName = (name: string): { provider: ProviderName; model: string } | undefined => {
  const provider = providerNames.find((known) => name.startsWith(`${known}/`))
  return provider && { provider, model: name.slice(provider.length + 1) }
}

export const isModelName = (name: string): boolean =>
  name === 'echo' || (name.length <= 200 && /^[!-~]+$/.test(parseModelName(name)?.model ?? ''))

/** Returns the variable that this model needs and that is not set. */
export const missingVariable = (name: string, credentials: CredentialsByProvider): string | undefined => {
  const parsed = parseModelName(name)
  if (!parsed) return undefined
  const { needs, keyVariable, urlVariable } = providers[parsed.provider]
  if (credentials[parsed.provider][needs] !== undefined) return undefined
  return needs === 'apiKey' ? keyVariable : urlVariable
}

/** Opens a model and loads its provider's package. Makes no request. */
export const openModel = async (name: string, options: OpenModelOptions): Promise<Model> => {
  const parsed = parseModelName(name)
  const { credentials, retries, temperature, tracing, ...settings } = options
  if (!parsed) return withTracing(echo(), tracing)
  const providerCredentials = credentials[parsed.provider]
  const { languageModel } = await import('./language-model.js')
  const { open, dialect } = providers[parsed.provider]
  const model = await open(parsed.model, providerCredentials, tracing?.headers)
  const secret = providerCredentials.apiKey
  const asked = languageModel({ ...settings, name, model, dialect, secret })
  return withRetries(withTemperature(withTracing(asked, tracing), temperature), retries)
}

/** Opens a chain of models, of which the first that can answers. */
export const openChain = async (
  [name, ...fallbacks]: readonly [string, ...string[]],
  { cooldowns, log, ...options }: OpenModelOptions & FallbackOptions,
): Promise<Model> => {
  const first = await openModel(name, options)
  const others = await Promise.all(fallbacks.map((other) => openModel(other, options)))
  return others.length > 0 ? withFallback([first, ...others], { cooldowns, log }) : first
}

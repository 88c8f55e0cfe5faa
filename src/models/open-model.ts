import { echo } from './echo.js'
import type { LanguageModelSettings } from './language-model.js'
import type { Model } from './model.js'
import { type CredentialsByProvider, type ProviderName, providerNames, providers } from './providers.js'
import { type RetryLimits, retryModel } from './retry-model.js'

export interface OpenModelOptions extends LanguageModelSettings {
  credentials: CredentialsByProvider
  retries?: RetryLimits
}

/** What the name of a model may be, in words. */
export const modelNameSyntax = `echo, or ${providerNames.map((name) => `${name}/<model>`).join(', ')}`

/** The parts of `<provider>/<model>`; undefined when there is no such provider. */
const parse = (name: string): { provider: ProviderName; model: string } | undefined => {
  const provider = providerNames.find((known) => name.startsWith(`${known}/`))
  return provider && { provider, model: name.slice(provider.length + 1) }
}

export const isModelName = (name: string): boolean =>
  name === 'echo' || (name.length <= 200 && /^[!-~]+$/.test(parse(name)?.model ?? ''))

/** The variable that is not set and has to be for this model; undefined when nothing is missing. */
export const missingVariable = (name: string, credentials: CredentialsByProvider): string | undefined => {
  const parsed = parse(name)
  if (!parsed) return undefined
  const { needs, keyVariable, urlVariable } = providers[parsed.provider]
  if (credentials[parsed.provider][needs] !== undefined) return undefined
  return needs === 'apiKey' ? keyVariable : urlVariable
}

/** Opens the model of this name, and loads what only it needs. Asks nothing of the provider yet. */
export const openModel = async (name: string, options: OpenModelOptions): Promise<Model> => {
  const parsed = parse(name)
  if (!parsed) return echo()
  const { credentials, retries, ...settings } = options
  const connection = credentials[parsed.provider]
  const { languageModel } = await import('./language-model.js')
  const model = await providers[parsed.provider].open(parsed.model, connection)
  return retryModel(languageModel({ ...settings, name, model, secret: connection.apiKey }), retries)
}

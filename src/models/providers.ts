import type { LanguageModel } from 'ai'

/** How a provider is reached: what the operator configured. */
export interface ProviderCredentials {
  apiKey: string | undefined
  baseUrl: string | undefined
}

interface Provider {
  /** the variables that say how it is reached */
  keyVariable: string
  urlVariable: string
  /** the one without which it cannot be */
  needs: 'apiKey' | 'baseUrl'
  /** Opens one of its models. The package is loaded only here: whoever does not name it does not pay for it. */
  open(model: string, connection: ProviderCredentials): Promise<LanguageModel>
}

/** What the packages of the hosted providers have in common. */
type Create = (settings: { apiKey: string; baseURL: string }) => (model: string) => LanguageModel

/** A provider that has an address of its own; without it here, its package would look into the environment. */
const hosted = (variables: string, home: string, load: () => Promise<Create>): Provider => ({
  keyVariable: `${variables}_API_KEY`,
  urlVariable: `${variables}_BASE_URL`,
  needs: 'apiKey',
  async open(model, { apiKey = '', baseUrl = home }) {
    const create = await load()
    return create({ apiKey, baseURL: baseUrl })(model)
  },
})

export const providers = {
  openai: hosted(
    'OPENAI',
    'https://api.openai.com/v1',
    async () => (await import('@ai-sdk/openai')).createOpenAI,
  ),
  anthropic: hosted(
    'ANTHROPIC',
    'https://api.anthropic.com/v1',
    async () => (await import('@ai-sdk/anthropic')).createAnthropic,
  ),
  google: hosted(
    'GOOGLE_GENERATIVE_AI',
    'https://generativelanguage.googleapis.com/v1beta',
    async () => (await import('@ai-sdk/google')).createGoogleGenerativeAI,
  ),
  'openai-compatible': {
    keyVariable: 'OPENAI_COMPATIBLE_API_KEY',
    urlVariable: 'OPENAI_COMPATIBLE_BASE_URL',
    needs: 'baseUrl',
    async open(model, { apiKey, baseUrl = '' }) {
      const { createOpenAICompatible } = await import('@ai-sdk/openai-compatible')
      return createOpenAICompatible({
        name: 'openai-compatible',
        baseURL: baseUrl,
        includeUsage: true,
        ...(apiKey !== undefined && { apiKey }),
      })(model)
    },
  },
} satisfies Record<string, Provider>

export type ProviderName = keyof typeof providers
export type CredentialsByProvider = Record<ProviderName, ProviderCredentials>
export const providerNames = Object.keys(providers) as ProviderName[]

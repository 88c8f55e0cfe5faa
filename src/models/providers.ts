import type { LanguageModel } from 'ai'

/** The operator's access to a provider. */
export interface ProviderCredentials {
  apiKey: string | undefined
  baseUrl: string | undefined
}

interface Provider {
  /** the environment variables of its credentials */
  keyVariable: string
  urlVariable: string
  /** the one that is required */
  needs: 'apiKey' | 'baseUrl'
  /** Opens one of its models. Loads the provider's package only now, because it takes time and memory. */
  open(model: string, credentials: ProviderCredentials): Promise<LanguageModel>
}

/** The factory that the hosted providers' packages share. */
type CreateProvider = (settings: { apiKey: string; baseURL: string }) => (model: string) => LanguageModel

/** A hosted provider. Its URL is always passed, because the package would otherwise read the environment. */
const hosted = (prefix: string, defaultUrl: string, load: () => Promise<CreateProvider>): Provider => ({
  keyVariable: `${prefix}_API_KEY`,
  urlVariable: `${prefix}_BASE_URL`,
  needs: 'apiKey',
  async open(model, { apiKey = '', baseUrl = defaultUrl }) {
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

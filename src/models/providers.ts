import type { LanguageModel } from 'ai'

/** How a provider is reached: what the operator configured. */
export interface Connection {
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
  open(model: string, connection: Connection): Promise<LanguageModel>
}

// The addresses are the packages' own defaults; without them they would look into the environment.
export const providers = {
  openai: {
    keyVariable: 'OPENAI_API_KEY',
    urlVariable: 'OPENAI_BASE_URL',
    needs: 'apiKey',
    async open(model, { apiKey = '', baseUrl = 'https://api.openai.com/v1' }) {
      const { createOpenAI } = await import('@ai-sdk/openai')
      return createOpenAI({ apiKey, baseURL: baseUrl })(model)
    },
  },
  anthropic: {
    keyVariable: 'ANTHROPIC_API_KEY',
    urlVariable: 'ANTHROPIC_BASE_URL',
    needs: 'apiKey',
    async open(model, { apiKey = '', baseUrl = 'https://api.anthropic.com/v1' }) {
      const { createAnthropic } = await import('@ai-sdk/anthropic')
      return createAnthropic({ apiKey, baseURL: baseUrl })(model)
    },
  },
  google: {
    keyVariable: 'GOOGLE_GENERATIVE_AI_API_KEY',
    urlVariable: 'GOOGLE_GENERATIVE_AI_BASE_URL',
    needs: 'apiKey',
    async open(model, { apiKey = '', baseUrl = 'https://generativelanguage.googleapis.com/v1beta' }) {
      const { createGoogleGenerativeAI } = await import('@ai-sdk/google')
      return createGoogleGenerativeAI({ apiKey, baseURL: baseUrl })(model)
    },
  },
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
export type Connections = Record<ProviderName, Connection>
export const providerNames = Object.keys(providers) as ProviderName[]

import type { LanguageModel } from 'ai'
import { anthropicMessages } from './wire/anthropic-messages.js'
import { chatCompletions } from './wire/chat-completions.js'
import type { Dialect } from './wire/dialect.js'
import { gemini } from './wire/gemini.js'
import type { ExtraHeaders } from './wire/provider-fetch.js'
import { responses } from './wire/responses.js'

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
  /** its protocol, in its words */
  dialect: Dialect
  /**
   * Opens one of its models. Loads the provider's package only now, because it takes time and memory. Its requests have
   * `headers` as well.
   */
  open(model: string, credentials: ProviderCredentials, headers?: ExtraHeaders): Promise<LanguageModel>
}

/** The factory that the hosted providers' packages share. */
type CreateProvider = (settings: {
  apiKey: string
  baseURL: string
  fetch: typeof globalThis.fetch
}) => (model: string) => LanguageModel

/** Loaded with the provider's package, on which it depends. */
const fetchFor = async (dialect: Dialect, secret: string | undefined, headers: ExtraHeaders | undefined) =>
  (await import('./wire/provider-fetch.js')).providerFetch(dialect, secret, headers)

/** A hosted provider. Its URL is always passed, because the package would otherwise read the environment. */
const hosted = (
  prefix: string,
  defaultUrl: string,
  dialect: Dialect,
  load: () => Promise<CreateProvider>,
): Provider => ({
  keyVariable: `${prefix}_API_KEY`,
  urlVariable: `${prefix}_BASE_URL`,
  needs: 'apiKey',
  dialect,
  async open(model, { apiKey = '', baseUrl = defaultUrl }, headers) {
    const create = await load()
    return create({ apiKey, baseURL: baseUrl, fetch: await fetchFor(dialect, apiKey, headers) })(model)
  },
})

export const providers = {
  openai: hosted(
    'OPENAI',
    'https://api.openai.com/v1',
    responses,
    async () => (await import('@ai-sdk/openai')).createOpenAI,
  ),
  anthropic: hosted(
    'ANTHROPIC',
    'https://api.anthropic.com/v1',
    anthropicMessages,
    async () => (await import('@ai-sdk/anthropic')).createAnthropic,
  ),
  google: hosted(
    'GOOGLE_GENERATIVE_AI',
    'https://generativelanguage.googleapis.com/v1beta',
    gemini,
    async () => (await import('@ai-sdk/google')).createGoogleGenerativeAI,
  ),
  'openai-compatible': {
    keyVariable: 'OPENAI_COMPATIBLE_API_KEY',
    urlVariable: 'OPENAI_COMPATIBLE_BASE_URL',
    needs: 'baseUrl',
    dialect: chatCompletions,
    async open(model, { apiKey, baseUrl = '' }, headers) {
      const { createOpenAICompatible } = await import('@ai-sdk/openai-compatible')
      const { reasoningExtractor } = await import('./wire/reasoning-fields.js')
      return createOpenAICompatible({
        name: 'openai-compatible',
        baseURL: baseUrl,
        includeUsage: true,
        metadataExtractor: reasoningExtractor,
        fetch: await fetchFor(chatCompletions, apiKey, headers),
        ...(apiKey !== undefined && { apiKey }),
      })(model)
    },
  },
} satisfies Record<string, Provider>

export type ProviderName = keyof typeof providers
export type CredentialsByProvider = Record<ProviderName, ProviderCredentials>
export const providerNames = Object.keys(providers) as ProviderName[]

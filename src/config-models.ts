import type { EnvironmentReader } from './environment.js'
import { isModelName, modelNameSyntax } from './models/open-model.js'
import { type CredentialsByProvider, providerNames, providers } from './models/providers.js'
import type { TurnLimits } from './turns/types.js'

type Chain = [name: string, ...fallbacks: string[]]

interface ModelChains {
  model: string
  otherModels: string[]
  fallbacks: Record<string, string[]>
}

/** Splits a chain into its models, each once. */
const toChain = (text: string, separator: RegExp): Chain => {
  const [name = '', ...others] = new Set(text.split(separator).map((model) => model.trim()))
  return [name, ...others]
}

/** Reads CHAT_MODEL, one chain, and CHAT_MODELS, a list of them. A chain goes by the name of its first model. */
const readModelChains = ({ text, fail, list }: EnvironmentReader): ModelChains => {
  const chain = toChain(text('CHAT_MODEL') ?? 'echo', /[,|]/)
  if (!chain.every(isModelName)) {
    fail('CHAT_MODEL', `${modelNameSyntax}, or several of these that answer in turn: openai/a,anthropic/b`)
  }
  const others = list('CHAT_MODELS').map((entry) => toChain(entry, /\|/))
  if (!others.every((models) => models.every(isModelName))) {
    fail('CHAT_MODELS', `a comma-separated list of: ${modelNameSyntax}, or openai/a|anthropic/b`)
  }
  const chains = new Map<string, string[]>()
  for (const [name, ...fallbacks] of [chain, ...others]) {
    const known = chains.get(name)
    // A name alone refers to the chain of that name.
    if (known?.length && fallbacks.length > 0 && known.join() !== fallbacks.join()) {
      fail(
        'CHAT_MODELS',
        'a list of chains that begin with different models, since a request names a chain by its first one',
      )
    }
    if (!known?.length) chains.set(name, fallbacks)
  }
  const [model = '', ...otherModels] = chains.keys()
  const withFallbacks = [...chains].filter(([, fallbacks]) => fallbacks.length > 0)
  return { model, otherModels, fallbacks: Object.fromEntries(withFallbacks) }
}

/** Reads an API key, which is sent in a header. A character that no header takes would fail every request. */
const readApiKey = ({ text, fail }: EnvironmentReader, name: string): string | undefined => {
  const key = text(name)
  return key === undefined || /^[\t\x20-\x7e\x80-\xff]*$/.test(key)
    ? key
    : fail(name, 'a key that fits in a header: no line break, no control character, none beyond Latin-1')
}

/** Reads who answers: the models, their keys and settings. */
export const readModels = (read: EnvironmentReader) => {
  const { text, oneOf, integer, decimal, webUrl } = read
  const credentials = providerNames.map((name) => {
    const { keyVariable, urlVariable } = providers[name]
    return [name, { apiKey: readApiKey(read, keyVariable), baseUrl: webUrl(urlVariable)?.href }]
  })
  return {
    ...readModelChains(read),
    credentials: Object.fromEntries(credentials) as CredentialsByProvider,
    modelSettings: {
      temperature: decimal('CHAT_TEMPERATURE', 2),
      maxOutputTokens: text('CHAT_MAX_OUTPUT_TOKENS')
        ? integer('CHAT_MAX_OUTPUT_TOKENS', 0, 1, 1_000_000)
        : undefined,
      firstEventTimeoutMs: integer('CHAT_FIRST_EVENT_TIMEOUT_MS', 60_000, 100, 3_600_000),
      reasoning: oneOf('CHAT_REASONING', ['on', 'off'], 'off') === 'on',
    },
  }
}

const maxWindow = 10_000_000

/** Reads CHAT_HISTORY_TOKENS: `<tokens>` for every model, and `<model>=<tokens>` for exceptions. */
export const readHistoryTokens = (
  { fail, list }: EnvironmentReader,
  fallbacks: Readonly<Record<string, readonly string[]>>,
): Pick<TurnLimits, 'historyTokens' | 'modelHistoryTokens'> => {
  const expected = `an integer from 0 to ${maxWindow}, or such integers by model: 16000,openai/gpt-5=200000`
  const windows = list('CHAT_HISTORY_TOKENS').map((part) => {
    const [, model, tokens = ''] = /^(?:(.+)=)?(\d{1,8})$/.exec(part) ?? []
    const isFit = tokens !== '' && Number(tokens) <= maxWindow && (model === undefined || isModelName(model))
    return isFit ? { model, tokens: Number(tokens) } : fail('CHAT_HISTORY_TOKENS', expected)
  })
  const general = windows.filter(({ model }) => model === undefined)
  if (general.length > 1) fail('CHAT_HISTORY_TOKENS', expected)
  const historyTokens = general[0]?.tokens ?? 16_000
  const byModel: Record<string, number> = Object.fromEntries(
    windows.flatMap(({ model, tokens }) => (model === undefined ? [] : [[model, tokens]])),
  )
  // What is sent has to fit whichever model of a chain answers.
  const byChain = Object.entries(fallbacks).map(([name, others]) => {
    return [name, Math.min(...[name, ...others].map((model) => byModel[model] ?? historyTokens))]
  })
  return { historyTokens, modelHistoryTokens: { ...byModel, ...Object.fromEntries(byChain) } }
}

import type { EnvironmentReader } from './environment.js'
import { isModelName, modelNameSyntax } from './models/open-model.js'

type Chain = [name: string, ...fallbacks: string[]]

export interface ModelChains {
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
export const readModelChains = ({ text, fail, list }: EnvironmentReader): ModelChains => {
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

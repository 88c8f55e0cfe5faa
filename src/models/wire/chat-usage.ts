import { isJsonObject, type JsonObject } from '../../json-object.js'
import { readCounts, unknownCount } from './counts.js'

const detail = (counts: JsonObject, where: string[], name: string): unknown =>
  where.map((field) => counts[field]).find((value) => isJsonObject(value) && value[name] !== undefined)

const detailOf = (counts: JsonObject, where: string[], name: string): unknown => {
  const details = detail(counts, where, name)
  return isJsonObject(details) ? details[name] : undefined
}

/** The counts under OpenAI's names, wherever a server has them; undefined when it gives none. */
export const readChatUsage = (usage: unknown): JsonObject | undefined => {
  const counts = readCounts(usage)
  const input = counts.prompt_tokens ?? counts.input_tokens
  const output = counts.completion_tokens ?? counts.output_tokens
  if (input === undefined && output === undefined) return undefined
  const cached =
    detailOf(counts, ['prompt_tokens_details', 'input_tokens_details'], 'cached_tokens') ??
    // DeepSeek, Moonshot
    counts.prompt_cache_hit_tokens ??
    counts.cached_tokens
  const reasoning =
    detailOf(counts, ['completion_tokens_details', 'output_tokens_details'], 'reasoning_tokens') ??
    // Perplexity
    counts.reasoning_tokens
  return {
    ...counts,
    prompt_tokens: input ?? unknownCount,
    completion_tokens: output ?? unknownCount,
    ...(cached !== undefined && { prompt_tokens_details: { cached_tokens: cached } }),
    ...(reasoning !== undefined && { completion_tokens_details: { reasoning_tokens: reasoning } }),
  }
}

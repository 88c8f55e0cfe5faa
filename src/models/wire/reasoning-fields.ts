import type { MetadataExtractor } from '@ai-sdk/openai-compatible'
import { isJsonObject, type JsonObject } from '../../json-object.js'
import { toldReasoning } from './chat-content.js'

const pieces = new Set(['reasoning.text', 'reasoning.summary', 'thinking'])
const pieceTexts = new Set(['text', 'summary', 'thinking'])

/** Pieces of one detail come one after the other; what has no text, such as an encrypted one, comes whole. */
const addDetail = (details: JsonObject[], detail: JsonObject): void => {
  const last = details.at(-1)
  // A signature ends its detail, though it may come with no text of its own.
  const isOver = Boolean(last?.signature)
  const isPiece = pieces.has(String(detail.type))
  if (!last || isOver || !isPiece || last.type !== detail.type || last.index !== detail.index) {
    details.push({ ...detail })
    return
  }
  for (const [name, value] of Object.entries(detail)) {
    const isText = pieceTexts.has(name) && typeof value === 'string'
    if (isText) last[name] = `${last[name] ?? ''}${value}`
    else if (value !== null) last[name] = value
  }
}

/**
 * Collects the fields in which a server of chat completions tells its model's reasoning. It is sent back in the same ones: a
 * server may miss its own, an empty one too (DeepSeek), and refuse those of others (Groq, Cerebras, Mistral).
 */
const createReasoningFields = () => {
  const texts: Record<string, string> = {}
  const lists: Record<string, JsonObject[]> = {}
  return {
    add(told: JsonObject): void {
      for (const [name, value] of Object.entries(told)) {
        if (typeof value === 'string') texts[name] = `${texts[name] ?? ''}${value}`
        if (!Array.isArray(value)) continue
        lists[name] ??= []
        for (const detail of value.filter(isJsonObject)) addDetail(lists[name], detail)
      }
    },
    fields(): JsonObject {
      const isTold = Object.values(texts).some(Boolean)
      const told = Object.entries(texts).filter(([, text]) => text !== '' || !isTold)
      return { ...Object.fromEntries(told), ...lists }
    },
  }
}

/** Of the package's options, the one that it adds to a message as it is. */
const messageOption = 'openaiCompatible'

/** Hands the fields to the package's caller, as the options of the message that they are to be sent back with. */
export const reasoningExtractor: MetadataExtractor = {
  extractMetadata: async () => undefined,
  createStreamExtractor() {
    const reasoning = createReasoningFields()
    return {
      processChunk(chunk) {
        const [choice] = isJsonObject(chunk) && Array.isArray(chunk.choices) ? chunk.choices : []
        const delta = isJsonObject(choice) ? choice.delta : undefined
        const told = isJsonObject(delta) ? delta[toldReasoning] : undefined
        if (isJsonObject(told)) reasoning.add(told)
      },
      buildMetadata: () => ({ [messageOption]: reasoning.fields() }) as never,
    }
  },
}

/** The options of a message from what the extractor has found. */
export const reasoningOptions = ({ [messageOption]: fields }: Record<string, JsonObject>) =>
  fields && Object.keys(fields).length > 0 ? { [messageOption]: fields } : undefined

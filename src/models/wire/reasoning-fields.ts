import type { MetadataExtractor } from '@ai-sdk/openai-compatible'
import { isJsonObject, type JsonObject } from '../../json-object.js'

/** Pieces of one detail come one after the other; what has no text, such as an encrypted one, comes whole. */
const addDetail = (details: JsonObject[], detail: JsonObject): void => {
  const last = details.at(-1)
  const isPiece = ['reasoning.text', 'reasoning.summary'].includes(String(detail.type))
  if (!last || !isPiece || last.type !== detail.type || last.index !== detail.index) {
    details.push({ ...detail })
    return
  }
  for (const [name, value] of Object.entries(detail)) {
    const isText = (name === 'text' || name === 'summary') && typeof value === 'string'
    if (isText) last[name] = `${last[name] ?? ''}${value}`
    else if (value !== null) last[name] = value
  }
}

/**
 * Collects the fields in which a server of chat completions tells its model's reasoning. It is sent back in the same ones: a
 * server may miss its own, an empty one too (DeepSeek), and refuse those of others (Groq, Cerebras, Mistral).
 */
const createReasoningFields = () => {
  const fields: JsonObject = {}
  const details: JsonObject[] = []
  return {
    add(delta: JsonObject): void {
      for (const name of ['reasoning_content', 'reasoning']) {
        const text = delta[name]
        if (typeof text === 'string') fields[name] = `${fields[name] ?? ''}${text}`
      }
      // OpenRouter
      const { reasoning_details: more } = delta
      if (Array.isArray(more)) for (const detail of more.filter(isJsonObject)) addDetail(details, detail)
    },
    fields: () => ({ ...fields, ...(details.length > 0 && { reasoning_details: details }) }),
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
        if (isJsonObject(choice) && isJsonObject(choice.delta)) reasoning.add(choice.delta)
      },
      buildMetadata: () => ({ [messageOption]: reasoning.fields() }) as never,
    }
  },
}

/** The options of a message from what the extractor has found. */
export const reasoningOptions = ({ [messageOption]: fields }: Record<string, JsonObject>) =>
  fields && Object.keys(fields).length > 0 ? { [messageOption]: fields } : undefined

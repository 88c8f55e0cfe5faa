import { isJsonObject, type JsonObject } from '../../json-object.js'
import { createBlankFinish } from './blank-finish.js'
import { readCounts } from './counts.js'
import type { Dialect } from './dialect.js'
import { toGeminiSchema } from './gemini-schema.js'
import { withoutNulls } from './without-nulls.js'

/** A part that is a text or a call, which is all that is asked for; a signature may come alone. */
const readPart = (part: unknown): JsonObject[] => {
  if (typeof part === 'string') return [{ text: part }]
  if (!isJsonObject(part)) return []
  if (typeof part.text === 'string' || isJsonObject(part.functionCall)) return [part]
  return part.thoughtSignature === undefined ? [] : [{ ...part, text: '' }]
}

const readContent = (content: unknown): JsonObject => {
  const { role, parts = [] } = isJsonObject(content) ? content : { role: 'model', parts: content }
  return { role, parts: [parts].flat().flatMap(readPart) }
}

/** The counts, if there are any. */
const readUsage = (usage: unknown): JsonObject | undefined => {
  const counts = readCounts(usage)
  return Object.keys(counts).length > 0 ? counts : undefined
}

/** Older models refuse what is about thoughts. */
const thinks = /^gemini-(2\.5|[3-9])/

/**
 * Google's streamGenerateContent. STOP alone is its natural end. Every part that has a thought signature is sent back with it
 * (https://ai.google.dev/gemini-api/docs/thought-signatures).
 */
export const gemini: Dialect = {
  toToolSchema: toGeminiSchema,
  toReplayed: (_type, { google }) => (google ? { google } : undefined),
  requestOptions: (model, isReasoningShown) =>
    isReasoningShown && thinks.test(model)
      ? { google: { thinkingConfig: { includeThoughts: true } } }
      : undefined,
  finishReasons: {
    stop: 'stop',
    max_tokens: 'length',
    continuation: 'length',
    safety: 'filtered',
    recitation: 'filtered',
    language: 'filtered',
    blocklist: 'filtered',
    prohibited_content: 'filtered',
    spii: 'filtered',
    model_armor: 'filtered',
    image_safety: 'filtered',
    image_prohibited_content: 'filtered',
    image_recitation: 'filtered',
    malformed_function_call: 'broken-off',
    malformed_response: 'broken-off',
    unexpected_tool_call: 'broken-off',
    too_many_tool_calls: 'broken-off',
    missing_thought_signature: 'broken-off',
    image_other: 'broken-off',
    no_image: 'broken-off',
    other: 'broken-off',
  },
  createReader() {
    const blank = createBlankFinish(gemini)
    return {
      read(value) {
        const { candidates, usageMetadata, promptFeedback } = withoutNulls(value)
        if ([candidates, usageMetadata, promptFeedback].every((field) => field === undefined))
          return undefined
        const usage = readUsage(usageMetadata)
        const { blockReason } = isJsonObject(promptFeedback) ? promptFeedback : {}
        const [candidate] = Array.isArray(candidates) ? candidates.filter(isJsonObject) : []
        const content = candidate && readContent(candidate.content)
        const finishReason = candidate && blank.read(candidate.finishReason ?? candidate.finish_reason)
        return {
          ...(usage && { usageMetadata: usage }),
          ...(blockReason !== undefined && { promptFeedback: { blockReason } }),
          ...(candidate && { candidates: [{ content, finishReason }] }),
        }
      },
      hasEnded: blank.hasEnded,
      end: (isDone) => (blank.endsWhole(isDone) ? { candidates: [{ finishReason: 'STOP' }] } : undefined),
    }
  },
}

import { isJsonObject } from '../../json-object.js'
import { createBlankFinish } from './blank-finish.js'
import { readCounts } from './counts.js'
import type { Dialect } from './dialect.js'
import { withoutNulls } from './without-nulls.js'

/** Older models refuse what is about thoughts. */
const thinks = /^gemini-(2\.5|[3-9])/

/**
 * Google's streamGenerateContent. STOP alone is its natural end. Every part that has a thought signature is sent back with it
 * (https://ai.google.dev/gemini-api/docs/thought-signatures).
 */
export const gemini: Dialect = {
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
    finish_reason_unspecified: 'broken-off',
  },
  createReader() {
    const blank = createBlankFinish()
    return {
      read(value) {
        const event = withoutNulls(value)
        const { candidates } = event
        const isChunk = ['candidates', 'usageMetadata', 'promptFeedback'].some((name) => name in event)
        if (!isChunk) return undefined
        const counted = isJsonObject(event.usageMetadata)
          ? { ...event, usageMetadata: readCounts(event.usageMetadata) }
          : event
        if (!Array.isArray(candidates) || !isJsonObject(candidates[0])) return counted
        const [candidate, ...others] = candidates
        const finishReason = blank.read(candidate.finishReason)
        return { ...counted, candidates: [{ ...candidate, finishReason }, ...others] }
      },
      end: (isDone) => (blank.endsWhole(isDone) ? { candidates: [{ finishReason: 'STOP' }] } : undefined),
    }
  },
}

import { isJsonObject, type JsonObject } from '../../json-object.js'
import { ModelError } from '../model-error.js'
import { toArgumentsText } from './arguments.js'
import { readCounts, unknownCount } from './counts.js'
import type { Dialect, EventReader } from './dialect.js'
import { withoutNulls } from './without-nulls.js'

/** A response that is not complete has a reason, even where the server gives none. */
const withReason = (type: unknown, response: JsonObject): JsonObject => {
  const { reason } = isJsonObject(response.incomplete_details) ? response.incomplete_details : {}
  const status = response.status ?? (type === 'response.incomplete' ? 'incomplete' : 'completed')
  const isComplete = type === 'response.completed' && status === 'completed'
  const given = reason || (isComplete ? undefined : status)
  return { ...response, incomplete_details: given === undefined ? null : { reason: given } }
}

/** A call with what the SDK requires of it. */
const readItem = (item: unknown, status: string): unknown =>
  isJsonObject(item) && item.type === 'function_call'
    ? { status, id: item.call_id, ...item, arguments: toArgumentsText(item.arguments) ?? '' }
    : item

const withCounts = (response: JsonObject): JsonObject => {
  if (!isJsonObject(response.usage)) return response
  const usage = { input_tokens: unknownCount, output_tokens: unknownCount, ...readCounts(response.usage) }
  return { ...response, usage }
}

/** The events that are a part of an item, and its type. */
const partsOf: Readonly<Record<string, string>> = {
  'response.output_text.delta': 'message',
  'response.refusal.delta': 'message',
  'response.reasoning_summary_part.added': 'reasoning',
  'response.reasoning_summary_text.delta': 'reasoning',
  'response.reasoning_summary_part.done': 'reasoning',
}
const itemTypes = new Set(Object.values(partsOf))

/** Reads a response's events. Some servers leave out what begins an item, or its id. */
const createReader = (): EventReader => {
  const open = new Set<string>()
  const begin = (output_index: unknown, item: JsonObject): JsonObject => {
    open.add(String(item.id))
    return { type: 'response.output_item.added', output_index, item }
  }
  const readBounds = (event: JsonObject, status: string): JsonObject[] => {
    const { item, output_index: index = 0 } = event
    const type = isJsonObject(item) ? String(item.type) : ''
    if (!isJsonObject(item) || !itemTypes.has(type)) return [{ ...event, item: readItem(item, status) }]
    const known = { id: `${type}_${index}`, ...item }
    if (status === 'in_progress') return [{ ...event, ...begin(index, known) }]
    if (open.delete(known.id)) return [{ ...event, item: known }]
    // A message's text came under another id, or not at all; a reasoning is more than its text.
    return type === 'message' ? [] : [begin(index, { type, id: known.id }), { ...event, item: known }]
  }
  const readPart = (event: JsonObject, type: string): JsonObject[] => {
    if (String(event.type).endsWith('.delta') && typeof event.delta !== 'string') return []
    const { output_index: index = 0 } = event
    const part = { item_id: `${type}_${index}`, summary_index: 0, ...event }
    return open.has(part.item_id) ? [part] : [begin(index, { type, id: part.item_id }), part]
  }

  return {
    read(value) {
      const event = withoutNulls(value)
      if (Array.isArray(event.choices)) {
        throw new ModelError(
          'model-failed',
          'the server speaks chat completions: name it openai-compatible/<model>',
        )
      }
      if (typeof event.type !== 'string' || !event.type.startsWith('response.')) return undefined
      // Sources, which nobody asks for, in whatever shape.
      if (event.type.startsWith('response.output_text.annotation')) return undefined
      const itemType = partsOf[event.type]
      if (itemType) return readPart(event, itemType)
      switch (event.type) {
        case 'response.created': {
          const response = isJsonObject(event.response) ? event.response : {}
          return { ...event, response: { id: '', created_at: 0, model: '', ...response } }
        }
        case 'response.output_item.added':
          return readBounds(event, 'in_progress')
        case 'response.output_item.done':
          return readBounds(event, 'completed')
        case 'response.function_call_arguments.delta':
          return { ...event, delta: toArgumentsText(event.delta) ?? '' }
        case 'response.function_call_arguments.done':
          return { ...event, arguments: toArgumentsText(event.arguments) ?? '' }
        case 'response.completed':
        case 'response.incomplete':
          return isJsonObject(event.response)
            ? { ...event, response: withCounts(withReason(event.type, event.response)) }
            : event
        case 'response.failed':
          return { sequence_number: 0, ...event }
        default:
          return event
      }
    },
  }
}

/**
 * OpenAI's responses. They are not stored there, where references to them would expire; so reasoning comes encrypted, and is sent
 * back as it came (https://developers.openai.com/api/docs/guides/reasoning#encrypted-reasoning-items).
 */
export const responses: Dialect = {
  toReplayed: (type, { openai }) =>
    type === 'reasoning' && openai?.reasoningEncryptedContent ? { openai } : undefined,
  requestOptions: (_model, isReasoningShown) => ({
    openai: { store: false, ...(isReasoningShown && { reasoningSummary: 'auto' }) },
  }),
  finishReasons: {
    max_output_tokens: 'length',
    content_filter: 'filtered',
    incomplete: 'broken-off',
    failed: 'broken-off',
    cancelled: 'broken-off',
    error: 'broken-off',
  },
  createReader,
}

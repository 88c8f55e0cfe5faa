import { isJsonObject, type JsonObject } from '../../json-object.js'
import { indexOf } from './chat-calls.js'
import { readCounts, unknownCount } from './counts.js'
import type { Dialect, EventReader } from './dialect.js'
import { createResponseCalls } from './response-calls.js'
import { createResponseMessages } from './response-messages.js'
import { withoutNulls } from './without-nulls.js'

/** A response that is not complete has a reason, even where the server gives none. */
const withReason = (type: unknown, response: JsonObject): JsonObject => {
  const { reason } = isJsonObject(response.incomplete_details) ? response.incomplete_details : {}
  const status = response.status ?? (type === 'response.incomplete' ? 'incomplete' : 'completed')
  const isComplete = type !== 'response.incomplete' && status === 'completed'
  const given = reason || (isComplete ? undefined : status)
  return { ...response, incomplete_details: given === undefined ? null : { reason: given } }
}

const withCounts = (response: JsonObject): JsonObject => {
  if (!isJsonObject(response.usage)) return response
  const usage = { input_tokens: unknownCount, output_tokens: unknownCount, ...readCounts(response.usage) }
  return { ...response, usage }
}

/** The events that are a part of a message, and the field with its text; whether that is a piece or the whole part. */
const textEvents: Readonly<Record<string, { field: string; isWhole: boolean } | undefined>> = {
  'response.output_text.delta': { field: 'text', isWhole: false },
  'response.refusal.delta': { field: 'refusal', isWhole: false },
  'response.output_text.done': { field: 'text', isWhole: true },
  'response.refusal.done': { field: 'refusal', isWhole: true },
}
/** The events that are a part of a reasoning. */
const reasoningEvents = new Set([
  'response.reasoning_summary_part.added',
  'response.reasoning_summary_text.delta',
  'response.reasoning_summary_part.done',
  // A model's reasoning as it is, from servers that have nobody sum it up.
  'response.reasoning_text.delta',
])

/** An event whose places are numbers, which some servers write as texts. */
const withPlaces = (event: JsonObject): JsonObject => {
  const { output_index, content_index, ...rest } = event
  const [output, content] = [output_index, content_index].map(indexOf)
  return {
    ...rest,
    ...(output !== undefined && { output_index: output }),
    ...(content !== undefined && { content_index: content }),
  }
}

/**
 * Reads a response's events. Some servers leave out what begins an item, its id, or its pieces, and say it whole at its end or at
 * that of the response. Items and events of other kinds are passed over: nobody has asked for them.
 */
const createReader = (): EventReader => {
  /** the reasonings that have begun and not ended */
  const open = new Set<string>()
  const messages = createResponseMessages()
  const calls = createResponseCalls()
  let hasEnded = false

  const begin = (output_index: number, item: JsonObject): JsonObject => {
    open.add(String(item.id))
    return { type: 'response.output_item.added', output_index, item }
  }
  const readReasoning = (event: JsonObject, index = 0): JsonObject[] => {
    if (String(event.type).endsWith('.delta') && typeof event.delta !== 'string') return []
    const isPlain = event.type === 'response.reasoning_text.delta'
    const known = isPlain ? { type: 'response.reasoning_summary_text.delta' } : undefined
    const part = { item_id: `reasoning_${index}`, output_index: index, summary_index: 0, ...event, ...known }
    return open.has(part.item_id) ? [part] : [begin(index, { type: 'reasoning', id: part.item_id }), part]
  }
  const readText = (
    event: JsonObject,
    { field, isWhole }: { field: string; isWhole: boolean },
  ): JsonObject[] => {
    const { item_id: id, delta } = event
    const [index, part] = [indexOf(event.output_index), indexOf(event.content_index)]
    if (isWhole) return messages.addWhole(id, index, part, { [field]: event[field] })
    return typeof delta === 'string' ? messages.add(id, index, part, delta, field === 'refusal') : []
  }

  const readAdded = (item: JsonObject, index: number | undefined): JsonObject[] => {
    const { type, id = `reasoning_${index ?? 0}`, encrypted_content } = item
    if (type === 'function_call') return calls.add(item, index)
    if (type === 'message') return messages.begin(item.id, index)
    return type === 'reasoning' ? [begin(index ?? 0, { type, id, encrypted_content })] : []
  }
  const readDone = (item: JsonObject, index: number | undefined): JsonObject[] => {
    const { type, id = `reasoning_${index ?? 0}`, encrypted_content } = item
    if (type === 'function_call') return calls.end(item, index)
    if (type === 'message') return messages.end(item.id, index, item.content)
    if (type !== 'reasoning') return []
    const known = { type, id, ...(encrypted_content !== undefined && { encrypted_content }) }
    const done = { type: 'response.output_item.done', output_index: index ?? 0, item: known }
    // A reasoning is more than its text.
    return open.delete(String(id)) ? [done] : [begin(index ?? 0, { type, id }), done]
  }
  const readEnd = (event: JsonObject): JsonObject[] => {
    const { type, response } = event
    if (!isJsonObject(response)) return [event]
    hasEnded = true
    const isComplete = type !== 'response.incomplete'
    const output = Array.isArray(response.output) ? response.output : []
    const items = output.map((item, index) => ({ item, index })).filter(({ item }) => isJsonObject(item))
    const of = (type: string) => items.filter(({ item }) => item.type === type)
    return [
      ...messages.endAll(of('message')),
      ...calls.endAll(of('function_call'), isComplete),
      {
        type: isComplete ? 'response.completed' : type,
        response: withCounts(withReason(type, response)),
      },
    ]
  }

  return {
    read(value) {
      const event = withPlaces(withoutNulls(value))
      const type = String(event.type)
      const index = indexOf(event.output_index)
      const text = textEvents[type]
      if (text) return readText(event, text)
      if (reasoningEvents.has(type)) return readReasoning(event, index)
      switch (type) {
        case 'response.created': {
          const response = isJsonObject(event.response) ? event.response : {}
          return { ...event, response: { id: '', created_at: 0, model: '', ...response } }
        }
        case 'response.output_item.added':
          return isJsonObject(event.item) ? readAdded(event.item, index) : undefined
        case 'response.output_item.done':
          return isJsonObject(event.item) ? readDone(event.item, index) : undefined
        case 'response.function_call_arguments.delta':
          return calls.addArguments(event)
        case 'response.function_call_arguments.done':
          calls.setArguments(event)
          return undefined
        case 'response.completed':
        case 'response.incomplete':
        case 'response.done':
          return readEnd(event)
        case 'response.failed':
          return { sequence_number: 0, ...event }
        default:
          return undefined
      }
    },
    hasEnded: () => hasEnded,
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

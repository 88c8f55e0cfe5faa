import { isJsonObject, type JsonObject } from '../../json-object.js'
import { readCounts, unknownCount } from './counts.js'
import type { Dialect, EventReader } from './dialect.js'
import { createResponseCalls } from './response-calls.js'
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

/** The events that are a part of an item, and its type. */
const partsOf: Readonly<Record<string, string>> = {
  'response.output_text.delta': 'message',
  'response.refusal.delta': 'message',
  'response.reasoning_summary_part.added': 'reasoning',
  'response.reasoning_summary_text.delta': 'reasoning',
  'response.reasoning_summary_part.done': 'reasoning',
  // A model's reasoning as it is, from servers that have nobody sum it up.
  'response.reasoning_text.delta': 'reasoning',
}
/** The events with the whole text of a part, and where it is. */
const wholeParts: Readonly<Record<string, string>> = {
  'response.output_text.done': 'text',
  'response.refusal.done': 'refusal',
}

const listOf = (value: unknown): JsonObject[] => (Array.isArray(value) ? value.filter(isJsonObject) : [])
const nothing: JsonObject[] = []

/**
 * Reads a response's events. Some servers leave out what begins an item, its id, or its pieces, and say it whole at its end or at
 * that of the response. Items and events of other kinds are passed over: nobody has asked for them.
 */
const createReader = (): EventReader => {
  const open = new Set<string>()
  /** the messages that have said something, by their place */
  const spoken = new Set<unknown>()
  const calls = createResponseCalls()

  const begin = (output_index: unknown, item: JsonObject): JsonObject => {
    open.add(String(item.id))
    return { type: 'response.output_item.added', output_index, item }
  }
  const readPart = (event: JsonObject, type: string): JsonObject[] => {
    if (String(event.type).endsWith('.delta') && typeof event.delta !== 'string') return nothing
    const { output_index: index = 0, logprobs: _, ...rest } = event
    const isPlain = event.type === 'response.reasoning_text.delta'
    const known = isPlain ? { type: 'response.reasoning_summary_text.delta' } : undefined
    const part = { item_id: `${type}_${index}`, output_index: index, summary_index: 0, ...rest, ...known }
    if (type === 'message') spoken.add(index)
    return open.has(part.item_id) ? [part] : [begin(index, { type, id: part.item_id }), part]
  }
  /** A part of a message as a whole: what has come in pieces before is not said again. */
  const readWhole = (
    output_index: unknown,
    id: unknown,
    { text, refusal }: JsonObject,
    isSaid: boolean,
  ): JsonObject[] => {
    const event = { output_index, ...(id !== undefined && { item_id: id }) }
    if (typeof refusal === 'string') {
      // Said or not, it is a refusal.
      if (isSaid) return [{ type: 'response.refusal.done', item_id: '', refusal }]
      return readPart({ ...event, type: 'response.refusal.delta', delta: refusal }, 'message')
    }
    if (isSaid || typeof text !== 'string' || text === '') return nothing
    return readPart({ ...event, type: 'response.output_text.delta', delta: text }, 'message')
  }
  const readContent = (index: unknown, { id, content }: JsonObject): JsonObject[] => {
    const isSaid = spoken.has(index)
    return listOf(content).flatMap((part) => readWhole(index, id, part, isSaid))
  }

  const readAdded = ({ item, output_index: index }: JsonObject): JsonObject[] => {
    if (!isJsonObject(item)) return nothing
    const { type, id, encrypted_content } = item
    if (type === 'function_call') return calls.add(item, index)
    if (type === 'message') return [begin(index ?? 0, { type, id: id ?? `message_${index ?? 0}` })]
    return type === 'reasoning'
      ? [begin(index ?? 0, { type, id: id ?? `reasoning_${index ?? 0}`, encrypted_content })]
      : nothing
  }
  const readDone = ({ item, output_index }: JsonObject): JsonObject[] => {
    if (!isJsonObject(item)) return nothing
    const index = output_index ?? 0
    const { type, encrypted_content } = item
    if (type === 'function_call') return calls.end(item, output_index)
    if (type !== 'message' && type !== 'reasoning') return nothing
    const said = type === 'message' ? readContent(index, item) : nothing
    const id = item.id ?? `${type}_${index}`
    const known = { type, id, ...(encrypted_content !== undefined && { encrypted_content }) }
    const done = { type: 'response.output_item.done', output_index: index, item: known }
    if (open.delete(String(id))) return [...said, done]
    // A message's text came under another id, or not at all; a reasoning is more than its text.
    return type === 'message' ? said : [begin(index, { type, id }), done]
  }
  const readEnd = (event: JsonObject): JsonObject[] => {
    const { type, response } = event
    if (!isJsonObject(response)) return [event]
    const isComplete = type !== 'response.incomplete'
    const isSaid = spoken.size > 0 || calls.size() > 0
    const items = isSaid ? nothing : listOf(response.output).filter((item) => item.type !== 'reasoning')
    return [
      ...(isComplete ? calls.endAll() : nothing),
      ...items.flatMap((item, output_index) => readDone({ item, output_index })),
      {
        type: isComplete ? 'response.completed' : type,
        response: withCounts(withReason(type, response)),
      },
    ]
  }

  return {
    read(value) {
      const event = withoutNulls(value)
      const type = String(event.type)
      const itemType = partsOf[type]
      if (itemType) return readPart(event, itemType)
      const whole = wholeParts[type]
      const { output_index: index = 0 } = event
      if (whole) return readWhole(index, event.item_id, { [whole]: event[whole] }, spoken.has(index))
      switch (type) {
        case 'response.created': {
          const response = isJsonObject(event.response) ? event.response : {}
          return { ...event, response: { id: '', created_at: 0, model: '', ...response } }
        }
        case 'response.output_item.added':
          return readAdded(event)
        case 'response.output_item.done':
          return readDone(event)
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

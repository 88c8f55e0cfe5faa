import { isJsonObject, type JsonObject } from '../../json-object.js'
import { toArguments, toArgumentsText } from './arguments.js'
import { type Dialect, stateless } from './dialect.js'

const events = new Set([
  'message_start',
  'message_delta',
  'message_stop',
  'content_block_start',
  'content_block_delta',
  'content_block_stop',
])
const deltas = new Set([
  'text_delta',
  'thinking_delta',
  'signature_delta',
  'compaction_delta',
  'input_json_delta',
  'citations_delta',
])

/** Some servers send a call's whole input with its start, and as JSON text. */
const readBlock = (block: unknown): unknown =>
  isJsonObject(block) && block.type === 'tool_use'
    ? { ...block, input: toArguments(toArguments(block.input)) }
    : block

const readDelta = (delta: JsonObject): unknown =>
  delta.type === 'input_json_delta'
    ? { ...delta, partial_json: toArgumentsText(delta.partial_json) ?? '' }
    : delta

/** Servers other than Anthropic's leave out counts, which the SDK requires. */
const withCount = (usage: unknown, name: string): JsonObject => ({
  ...(isJsonObject(usage) ? usage : {}),
  [name]: isJsonObject(usage) && typeof usage[name] === 'number' ? usage[name] : 0,
})

/**
 * Anthropic's messages. A thinking block is sent back with its signature, which only Anthropic can make
 * (https://platform.claude.com/docs/en/build-with-claude/extended-thinking#preserving-thinking-blocks).
 */
export const anthropicMessages: Dialect = {
  toReplayed: (type, { anthropic }) => (type === 'reasoning' && anthropic ? { anthropic } : undefined),
  cacheMark: { anthropic: { cacheControl: { type: 'ephemeral' } } },
  finishReasons: {
    end_turn: 'stop',
    stop_sequence: 'stop',
    // A message that has its `message_stop` is whole.
    '': 'stop',
    max_tokens: 'length',
    tool_use: 'tool-calls',
    refusal: 'filtered',
    model_context_window_exceeded: 'too-long',
    pause_turn: 'paused',
    compaction: 'paused',
  },
  createReader: stateless((event) => {
    // Anthropic announces that there will be events of new types, to be passed over. Its pings say nothing, either.
    if (typeof event.type !== 'string' || !events.has(event.type)) return undefined
    switch (event.type) {
      case 'message_start':
        return isJsonObject(event.message)
          ? { ...event, message: { ...event.message, usage: withCount(event.message.usage, 'input_tokens') } }
          : event
      case 'message_delta':
        return { ...event, usage: withCount(event.usage, 'output_tokens') }
      case 'content_block_start':
        return { ...event, content_block: readBlock(event.content_block) }
      case 'content_block_delta':
        if (!isJsonObject(event.delta)) return event
        return deltas.has(String(event.delta.type)) ? { ...event, delta: readDelta(event.delta) } : undefined
      default:
        return event
    }
  }),
}

import { isJsonObject, type JsonObject } from '../../json-object.js'
import { toArguments, toArgumentsText } from './arguments.js'
import { createBlankFinish } from './blank-finish.js'
import { readCounts, unknownCount } from './counts.js'
import type { Dialect, EventReader } from './dialect.js'
import { withPlainNames } from './tool-schema.js'
import { withoutNulls } from './without-nulls.js'

/** The kinds of blocks that a response to our requests has, with the delta that its text comes in. */
const blocks: Readonly<Record<string, { delta: string; text: string } | undefined>> = {
  text: { delta: 'text_delta', text: 'text' },
  thinking: { delta: 'thinking_delta', text: 'thinking' },
  redacted_thinking: { delta: '', text: 'data' },
  tool_use: { delta: 'input_json_delta', text: 'partial_json' },
}
const deltas = new Set(['text_delta', 'thinking_delta', 'signature_delta', 'input_json_delta'])

/** The counts that the SDK requires, which servers other than Anthropic's leave out. */
const withCount = (usage: unknown, name: string): JsonObject => ({
  [name]: unknownCount,
  ...readCounts(usage),
})

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

/** A block without the text that some servers put into its start, and the deltas that say it. */
const readBlock = (block: JsonObject, index: number): JsonObject[] => {
  const start = (content_block: JsonObject) => ({ type: 'content_block_start', index, content_block })
  // Some servers send a call's whole input with its start, and as JSON text.
  if (block.type === 'tool_use') {
    const id = textOf(block.id) || `call_${index}`
    return [start({ ...block, id, input: toArguments(toArguments(block.input)) })]
  }
  const { delta, text } = blocks[String(block.type)] ?? { delta: '', text: '' }
  if (delta === '') return [start(block)]
  const said = textOf(block[text])
  const signature = textOf(block.signature)
  return [
    start({ type: block.type, [text]: '' }),
    ...(said ? [{ type: 'content_block_delta', index, delta: { type: delta, [text]: said } }] : []),
    ...(signature
      ? [{ type: 'content_block_delta', index, delta: { type: 'signature_delta', signature } }]
      : []),
  ]
}

/** What a delta or a block without a type can only be. */
const typeOf = (value: JsonObject, types: Readonly<Record<string, string>>): JsonObject => {
  const field = value.type === undefined && Object.keys(types).find((name) => name in value)
  return field ? { ...value, type: types[field] } : value
}
const blockTypes = { text: 'text', thinking: 'thinking', name: 'tool_use' }
const deltaTypes = {
  text: 'text_delta',
  thinking: 'thinking_delta',
  signature: 'signature_delta',
  partial_json: 'input_json_delta',
}

const readDelta = (value: JsonObject): JsonObject | undefined => {
  const delta = typeOf(value, deltaTypes)
  if (delta.type === 'input_json_delta')
    return { ...delta, partial_json: textOf(toArgumentsText(delta.partial_json)) }
  const said = delta.text ?? delta.thinking ?? delta.signature
  return deltas.has(String(delta.type)) && typeof said === 'string' ? delta : undefined
}

/**
 * Reads a response's events. Blocks of other kinds are passed over, as Anthropic asks for, since it may add some. Other servers leave
 * out a block's index, its start or its end.
 */
const createReader = (): EventReader => {
  /** the blocks that have begun and not ended, and whether they are passed on */
  const open = new Map<number, boolean>()
  let last = -1
  const finish = createBlankFinish(anthropicMessages)
  let reason: string | undefined
  let hasStopped = false

  const close = (index: number): JsonObject[] => {
    const isKnown = open.get(index)
    open.delete(index)
    return isKnown ? [{ type: 'content_block_stop', index }] : []
  }
  const closeAll = (): JsonObject[] => [...open.keys()].flatMap(close)
  const indexOf = (index: unknown): number => (typeof index === 'number' ? index : last)
  const begin = (index: unknown, block: JsonObject): JsonObject[] => {
    const isKnown = blocks[String(block.type)] !== undefined
    last = typeof index === 'number' ? index : last + 1
    const closed = close(last)
    open.set(last, isKnown)
    return [...closed, ...(isKnown ? readBlock(block, last) : [])]
  }
  /** Begins the block of a delta that comes without one. */
  const beginFor = (index: unknown, delta: JsonObject): JsonObject[] => {
    const type = { text_delta: 'text', thinking_delta: 'thinking' }[String(delta.type)]
    return open.has(indexOf(index)) || type === undefined ? [] : begin(index, { type })
  }

  return {
    read(value) {
      const event = withoutNulls(value)
      switch (event.type) {
        case 'message_start': {
          const message = isJsonObject(event.message) ? event.message : {}
          return {
            ...event,
            message: { ...message, content: [], usage: withCount(message.usage, 'input_tokens') },
          }
        }
        case 'content_block_start':
          return begin(
            event.index,
            isJsonObject(event.content_block) ? typeOf(event.content_block, blockTypes) : {},
          )
        case 'content_block_delta': {
          const delta = isJsonObject(event.delta) ? readDelta(event.delta) : undefined
          if (!delta) return undefined
          const begun = beginFor(event.index, delta)
          const index = indexOf(event.index)
          return open.get(index) ? [...begun, { ...event, index, delta }] : begun
        }
        case 'content_block_stop':
          return close(indexOf(event.index))
        case 'message_delta': {
          const given = isJsonObject(event.delta) ? event.delta : {}
          const { stop_reason: said = event.stop_reason, ...rest } = given
          // A later event may have nothing but counts.
          const word = finish.read(said) ?? reason ?? (said === '' ? said : undefined)
          reason = word === undefined ? undefined : String(word)
          const delta = { ...rest, ...(reason !== undefined && { stop_reason: reason }) }
          return [...closeAll(), { ...event, delta, usage: withCount(event.usage, 'output_tokens') }]
        }
        case 'message_stop':
          hasStopped = true
          return [...closeAll(), event]
        default:
          // Its pings say nothing, either.
          return undefined
      }
    },
    hasEnded: () => reason !== undefined || hasStopped,
    // A message that has told why it stopped is whole.
    end: () => (reason !== undefined && !hasStopped ? { type: 'message_stop' } : undefined),
  }
}

/**
 * Anthropic's messages. A thinking block is sent back with its signature, which only Anthropic can make
 * (https://platform.claude.com/docs/en/build-with-claude/extended-thinking#preserving-thinking-blocks).
 */
export const anthropicMessages: Dialect = {
  toToolSchema: withPlainNames,
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
  createReader,
}

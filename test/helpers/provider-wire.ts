/** The providers' own words, as their APIs' references show them. */

import type { ProviderName } from '../../src/models/providers.js'

export const data = (event: unknown): string =>
  `data: ${typeof event === 'string' ? event : JSON.stringify(event)}\n\n`
const named = <T extends { type: string }>(event: T): string => `event: ${event.type}\n${data(event)}`

const chunk = (fields: object): string =>
  data({ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1_700_000_000, model: 'm', ...fields })
const choice = (delta: object, finish_reason: string | null = null): string =>
  chunk({ choices: [{ index: 0, delta, finish_reason }] })

/** A tool call as a model writes it: the arguments are JSON text. */
export type WireCall = [id: string, name: string, args: string]

/** JSON text in the pieces that a model writes it in. */
const halves = (text: string): string[] => [text.slice(0, text.length / 2), text.slice(text.length / 2)]

/** OpenAI's chat completions, which openai-compatible servers speak. */
export const chatCompletions = {
  begin: choice({ role: 'assistant', content: '' }),
  text: (content: string) => choice({ content }),
  reasoning: (reasoning_content: string) => choice({ reasoning_content }),
  finish: (reason = 'stop') => choice({}, reason),
  /** a call whose arguments are whatever this is, in one piece */
  callOf: (name: string, args: unknown): string[] => [
    choice({
      tool_calls: [{ index: 0, id: 'call_1', type: 'function', function: { name, arguments: args } }],
    }),
    choice({}, 'tool_calls'),
    chatCompletions.done,
  ],
  usage: chunk({
    choices: [],
    usage: {
      prompt_tokens: 11,
      completion_tokens: 7,
      total_tokens: 18,
      prompt_tokens_details: { cached_tokens: 5 },
    },
  }),
  done: data('[DONE]'),
  error: (error: object) => data({ error }),
  /** a whole answer */
  answer: (...words: string[]): string[] => chatCompletions.ended('stop', ...words),
  ended: (reason: string | null, ...words: string[]): string[] => [
    chatCompletions.begin,
    ...words.map(chatCompletions.text),
    choice({}, reason),
    chatCompletions.usage,
    chatCompletions.done,
  ],
  /** one that waits for tools */
  calls(...calls: WireCall[]): string[] {
    const pieces = calls.flatMap(([id, name, args], index) => [
      choice({ tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' } }] }),
      ...halves(args).map((piece) => choice({ tool_calls: [{ index, function: { arguments: piece } }] })),
    ])
    return [this.begin, ...pieces, this.finish('tool_calls'), this.usage, this.done]
  },
}

const message = { id: 'msg_1', type: 'message', role: 'assistant', model: 'claude-x', content: [] }

/** Anthropic's messages. */
export const anthropicMessages = {
  answer: (...words: string[]): string[] => anthropicMessages.ended('end_turn', ...words),
  ended: (stop_reason: string | null, ...words: string[]): string[] => [
    named({
      type: 'message_start',
      message: {
        ...message,
        stop_reason: null,
        // There the cached tokens are no part of the others.
        usage: { input_tokens: 6, cache_read_input_tokens: 5, output_tokens: 1 },
      },
    }),
    named({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }),
    named({ type: 'ping' }),
    ...words.map((text) =>
      named({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } }),
    ),
    named({ type: 'content_block_stop', index: 0 }),
    named({ type: 'message_delta', delta: { stop_reason }, usage: { output_tokens: 7 } }),
    named({ type: 'message_stop' }),
  ],
  calls: (...calls: WireCall[]): string[] => [
    named({
      type: 'message_start',
      message: { ...message, stop_reason: null, usage: { input_tokens: 11, output_tokens: 1 } },
    }),
    ...calls.flatMap(([id, name, args], index) => [
      named({
        type: 'content_block_start',
        index,
        content_block: { type: 'tool_use', id, name, input: {} },
      }),
      ...halves(args).map((partial_json) =>
        named({ type: 'content_block_delta', index, delta: { type: 'input_json_delta', partial_json } }),
      ),
      named({ type: 'content_block_stop', index }),
    ]),
    named({ type: 'message_delta', delta: { stop_reason: 'tool_use' }, usage: { output_tokens: 7 } }),
    named({ type: 'message_stop' }),
  ],
  callOf: (name: string, input: unknown): string[] => [
    named({ type: 'message_start', message: { ...message, stop_reason: null, usage: { input_tokens: 11 } } }),
    named({
      type: 'content_block_start',
      index: 0,
      content_block: { type: 'tool_use', id: 'call_1', name, input },
    }),
    named({ type: 'content_block_stop', index: 0 }),
    named({ type: 'message_delta', delta: { stop_reason: 'tool_use' }, usage: { output_tokens: 7 } }),
    named({ type: 'message_stop' }),
  ],
  error: (type: string, text: string) => ({ type: 'error', error: { type, message: text } }),
  errorEvent: (type: string, text: string) => named({ type: 'error', error: { type, message: text } }),
}

const response = (fields: object) => ({ id: 'resp_1', created_at: 1_700_000_000, model: 'gpt-x', ...fields })
const item = (fields: object) => ({
  output_index: 0,
  item: { id: 'item_1', type: 'message', role: 'assistant', content: [], ...fields },
})

/** OpenAI's responses. */
export const openaiResponses = {
  answer: (...words: string[]): string[] => openaiResponses.ended(null, ...words),
  ended: (reason: string | null, ...words: string[]): string[] => [
    named({ type: 'response.created', response: response({ status: 'in_progress' }) }),
    named({ type: 'response.output_item.added', ...item({ status: 'in_progress' }) }),
    ...words.map((delta) =>
      named({
        type: 'response.output_text.delta',
        item_id: 'item_1',
        output_index: 0,
        content_index: 0,
        delta,
      }),
    ),
    named({ type: 'response.output_item.done', ...item({ status: 'completed' }) }),
    named({
      type: reason === null ? 'response.completed' : 'response.incomplete',
      response: response({
        incomplete_details: reason === null ? null : { reason },
        usage: {
          input_tokens: 11,
          output_tokens: 7,
          total_tokens: 18,
          input_tokens_details: { cached_tokens: 5 },
        },
      }),
    }),
  ],
  calls: (...calls: WireCall[]): string[] => [
    named({ type: 'response.created', response: response({ status: 'in_progress' }) }),
    ...calls.flatMap(([call_id, name, args], output_index) => {
      const call = { type: 'function_call', id: `fc_${output_index}`, call_id, name }
      return [
        named({
          type: 'response.output_item.added',
          output_index,
          item: { ...call, arguments: '', status: 'in_progress' },
        }),
        ...halves(args).map((delta) =>
          named({ type: 'response.function_call_arguments.delta', item_id: call.id, output_index, delta }),
        ),
        named({
          type: 'response.output_item.done',
          output_index,
          item: { ...call, arguments: args, status: 'completed' },
        }),
      ]
    }),
    named({
      type: 'response.completed',
      response: response({ usage: { input_tokens: 11, output_tokens: 7, total_tokens: 18 } }),
    }),
  ],
  callOf: (name: string, args: unknown): string[] => {
    const call = { type: 'function_call', id: 'fc_0', call_id: 'call_1', name, arguments: args }
    return [
      named({ type: 'response.created', response: response({ status: 'in_progress' }) }),
      named({
        type: 'response.output_item.added',
        output_index: 0,
        item: { ...call, status: 'in_progress' },
      }),
      named({ type: 'response.output_item.done', output_index: 0, item: { ...call, status: 'completed' } }),
      named({ type: 'response.completed', response: response({}) }),
    ]
  },
  error: (code: string, text: string) => ({ error: { message: text, type: 'error', param: null, code } }),
  failed: (code: string, text: string): string =>
    named({
      type: 'response.failed',
      sequence_number: 1,
      response: response({ status: 'failed', error: { code, message: text } }),
    }),
}

const candidate = (fields: object) => ({ candidates: [{ index: 0, ...fields }] })

/** Google's streamGenerateContent. */
export const googleContent = {
  answer: (...words: string[]): string[] => googleContent.ended('STOP', ...words),
  ended: (finishReason: string | null, ...words: string[]): string[] => [
    ...words.map((text) => data(candidate({ content: { role: 'model', parts: [{ text }] } }))),
    data({
      ...candidate({ content: { role: 'model', parts: [] }, finishReason }),
      usageMetadata: {
        promptTokenCount: 11,
        candidatesTokenCount: 7,
        totalTokenCount: 18,
        cachedContentTokenCount: 5,
      },
    }),
  ],
  /** Google's calls have no ids. */
  calls: (...calls: WireCall[]): string[] => [
    data({
      ...candidate({
        content: {
          role: 'model',
          parts: calls.map(([, name, args]) => ({ functionCall: { name, args: JSON.parse(args) } })),
        },
        finishReason: 'STOP',
      }),
      usageMetadata: { promptTokenCount: 11, candidatesTokenCount: 7, totalTokenCount: 18 },
    }),
  ],
  callOf: (name: string, args: unknown): string[] => [
    data(
      candidate({
        content: { role: 'model', parts: [{ functionCall: { name, args } }] },
        finishReason: 'STOP',
      }),
    ),
  ],
  error: (code: number, status: string, text: string) => ({ error: { code, message: text, status } }),
}

/** What every provider's protocol can say. */
interface Wire {
  /** a whole answer */
  answer(...words: string[]): string[]
  /** one that ends with this finish reason */
  ended(reason: string | null, ...words: string[]): string[]
  /** one that waits for tools */
  calls(...calls: WireCall[]): string[]
  /** a call whose arguments are whatever this is, in one piece */
  callOf(name: string, args: unknown): string[]
}

export const wires: Record<ProviderName, Wire> = {
  openai: openaiResponses,
  anthropic: anthropicMessages,
  google: googleContent,
  'openai-compatible': chatCompletions,
}

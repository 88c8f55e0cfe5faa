import { isJsonObject, type JsonObject } from '../../src/json-object.js'
import { data, type WireCall } from './provider-wire.js'
import { events, type Reply, refuse, type UpstreamRequest } from './upstream.js'

/** One response of a model that thinks: its reasoning, then a call or a text. */
export interface Thought {
  reasoning: string
  /** what the provider signs, or encrypts */
  mark: string
  call?: WireCall
  text?: string
}

/** A provider whose models think, and that wants to see their reasoning again. */
export interface ThinkingProvider {
  model: `${'openai' | 'anthropic' | 'google' | 'openai-compatible'}/${string}`
  respond(thought: Thought): string[]
  /** the reasoning, as this provider marks it, with each of the assistant's calls and texts in a request; undefined where it is missing */
  seen(body: JsonObject): (string | undefined)[]
}

const list = (value: unknown): JsonObject[] => (Array.isArray(value) ? value.filter(isJsonObject) : [])
const named = (event: { type: string }): string => `event: ${event.type}\n${data(event)}`

const chunk = (delta: object, finish_reason: string | null = null): string =>
  data({ id: 'c', object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason }] })
const chatUsage = data({
  choices: [],
  usage: {
    prompt_tokens: 11,
    completion_tokens: 7,
    total_tokens: 18,
    completion_tokens_details: { reasoning_tokens: 4 },
  },
})
const chatEnd = (thought: Thought): string[] => [
  chunk({}, thought.call ? 'tool_calls' : 'stop'),
  chatUsage,
  data('[DONE]'),
]
const assistantsOf = ({ messages }: JsonObject) => list(messages).filter(({ role }) => role === 'assistant')

/** DeepSeek, Kimi: a field of the assistant's messages. */
const deepseek: ThinkingProvider = {
  model: 'openai-compatible/deepseek-v3.2',
  respond: (thought) => [
    chunk({ role: 'assistant', content: '', reasoning_content: '' }),
    ...(thought.reasoning.match(/.{1,500}/gs) ?? []).map((reasoning_content) =>
      chunk({ content: null, reasoning_content }),
    ),
    ...(thought.call
      ? [
          chunk({
            tool_calls: [
              {
                index: 0,
                id: thought.call[0],
                type: 'function',
                function: { name: thought.call[1], arguments: thought.call[2] },
              },
            ],
          }),
        ]
      : [chunk({ content: thought.text, reasoning_content: null })]),
    ...chatEnd(thought),
  ],
  seen: (body) =>
    assistantsOf(body).map(({ reasoning_content }) =>
      typeof reasoning_content === 'string' ? reasoning_content : undefined,
    ),
}

/** Gemini behind chat completions: a field of the call. */
const geminiBehindChat: ThinkingProvider = {
  model: 'openai-compatible/gemini-3-pro',
  respond: (thought) => [
    ...(thought.call
      ? [
          chunk({
            role: 'assistant',
            tool_calls: [
              {
                index: 0,
                id: thought.call[0],
                type: 'function',
                function: { name: thought.call[1], arguments: thought.call[2] },
                extra_content: { google: { thought_signature: thought.mark } },
              },
            ],
          }),
        ]
      : [chunk({ role: 'assistant', content: thought.text })]),
    ...chatEnd(thought),
  ],
  seen: (body) =>
    assistantsOf(body).flatMap(({ tool_calls }) =>
      list(tool_calls).map(({ extra_content: extra }) => {
        const google = isJsonObject(extra) ? extra.google : undefined
        return isJsonObject(google) ? (google.thought_signature as string) : undefined
      }),
    ),
}

const anthropic: ThinkingProvider = {
  model: 'anthropic/claude-opus-4-5',
  respond({ reasoning, mark, call, text }) {
    const block = call
      ? { type: 'tool_use', id: call[0], name: call[1], input: {} }
      : { type: 'text', text: '' }
    const delta = call
      ? { type: 'input_json_delta', partial_json: call[2] }
      : { type: 'text_delta', text: text ?? '' }
    const message = { id: 'm', type: 'message', role: 'assistant', model: 'claude', content: [] }
    return [
      named({
        type: 'message_start',
        message: { ...message, stop_reason: null, usage: { input_tokens: 11, output_tokens: 1 } },
      } as { type: string }),
      ...[
        { type: 'content_block_start', index: 0, content_block: { type: 'thinking', thinking: '' } },
        { type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: reasoning } },
        { type: 'content_block_delta', index: 0, delta: { type: 'signature_delta', signature: mark } },
        { type: 'content_block_stop', index: 0 },
        { type: 'content_block_start', index: 1, content_block: block },
        { type: 'content_block_delta', index: 1, delta },
        { type: 'content_block_stop', index: 1 },
        {
          type: 'message_delta',
          delta: { stop_reason: call ? 'tool_use' : 'end_turn' },
          usage: { output_tokens: 7 },
        },
        { type: 'message_stop' },
      ].map(named),
    ]
  },
  seen: (body) =>
    assistantsOf(body).map(({ content }) => {
      const first = list(content)[0]
      return first?.type === 'thinking' ? `${first.thinking}${first.signature}` : undefined
    }),
}

const gemini: ThinkingProvider = {
  model: 'google/gemini-3-pro-preview',
  respond: ({ reasoning, mark, call, text }) => [
    data({
      candidates: [{ index: 0, content: { role: 'model', parts: [{ text: reasoning, thought: true }] } }],
    }),
    data({
      candidates: [
        {
          index: 0,
          content: {
            role: 'model',
            parts: [
              {
                ...(call ? { functionCall: { name: call[1], args: JSON.parse(call[2]) } } : { text }),
                thoughtSignature: mark,
              },
            ],
          },
          finishReason: 'STOP',
        },
      ],
      usageMetadata: {
        promptTokenCount: 11,
        candidatesTokenCount: 3,
        thoughtsTokenCount: 4,
        totalTokenCount: 18,
      },
    }),
  ],
  seen: ({ contents }) =>
    list(contents)
      .filter(({ role }) => role === 'model')
      .flatMap(({ parts }) => list(parts))
      .filter(({ thought }) => !thought)
      .map(({ thoughtSignature }) => thoughtSignature as string | undefined),
}

const responses: ThinkingProvider = {
  model: 'openai/gpt-5',
  respond({ reasoning, mark, call, text }) {
    const thought = {
      id: `rs_${mark}`,
      type: 'reasoning',
      summary: [{ type: 'summary_text', text: reasoning }],
    }
    const answer = { id: `msg_${mark}`, type: 'message', role: 'assistant', content: [] }
    const item = call
      ? { id: `fc_${mark}`, type: 'function_call', call_id: call[0], name: call[1], arguments: call[2] }
      : answer
    return [
      { type: 'response.created', response: { id: 'r', created_at: 1, model: 'gpt-5' } },
      { type: 'response.output_item.added', output_index: 0, item: { ...thought, summary: [] } },
      {
        type: 'response.reasoning_summary_part.added',
        item_id: thought.id,
        output_index: 0,
        summary_index: 0,
      },
      {
        type: 'response.reasoning_summary_text.delta',
        item_id: thought.id,
        output_index: 0,
        summary_index: 0,
        delta: reasoning,
      },
      {
        type: 'response.output_item.done',
        output_index: 0,
        item: { ...thought, encrypted_content: mark },
      },
      { type: 'response.output_item.added', output_index: 1, item: { ...item, status: 'in_progress' } },
      ...(call
        ? []
        : [
            {
              type: 'response.output_text.delta',
              item_id: answer.id,
              output_index: 1,
              content_index: 0,
              delta: text,
            },
          ]),
      { type: 'response.output_item.done', output_index: 1, item: { ...item, status: 'completed' } },
      {
        type: 'response.completed',
        response: {
          id: 'r',
          usage: {
            input_tokens: 11,
            output_tokens: 7,
            total_tokens: 18,
            output_tokens_details: { reasoning_tokens: 4 },
          },
        },
      },
    ].map(named)
  },
  seen({ input }) {
    const items = list(input)
    const isAnswer = ({ type, role }: JsonObject) => type === 'function_call' || role === 'assistant'
    return items.flatMap((item, n) => {
      if (!isAnswer(item)) return item.type === 'item_reference' ? [undefined] : []
      const before = items[n - 1]
      return [before?.type === 'reasoning' ? (before.encrypted_content as string) : undefined]
    })
  },
}

export const thinkingProviders = { deepseek, geminiBehindChat, anthropic, gemini, responses }

/** Answers with a thought, unless the request lacks the reasoning of an earlier response. */
export const thinking =
  ({ respond, seen }: ThinkingProvider, thought: Thought): Reply =>
  (response, request: UpstreamRequest) => {
    const missing = seen(request.body).some((reasoning) => !reasoning)
    const error = { message: 'reasoning is missing in an assistant message', type: 'invalid_request_error' }
    return missing
      ? refuse(400, { type: 'error', error })(response, request)
      : events(...respond(thought))(response, request)
  }

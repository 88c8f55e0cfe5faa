import { isJsonObject, type JsonObject } from '../../json-object.js'
import { createBlankFinish } from './blank-finish.js'
import { createCalls, readPieces } from './chat-calls.js'
import { createReasoningReader, readContent, reasoningFields, withReasoning } from './chat-content.js'
import { readChatUsage } from './chat-usage.js'
import type { Dialect } from './dialect.js'
import { reasoningOptions } from './reasoning-fields.js'
import { createThinkTags } from './think-tags.js'

const isFilled = (value: unknown): boolean => (Array.isArray(value) ? value.length > 0 : Boolean(value))

/** Whether a delta has a part of the answer: a role or the reasoning alone may come before the whole message. */
const hasAnswer = ({ content, refusal, tool_calls: calls, function_call: call }: JsonObject): boolean =>
  [content, refusal, calls, call].some(isFilled)
const hasReasoning = (delta: JsonObject): boolean => reasoningFields.some((name) => isFilled(delta[name]))

const withoutReasoning = (message: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(message).filter(([name]) => !reasoningFields.includes(name)))

const choice = (delta: JsonObject | undefined, finish_reason: string | null): JsonObject => ({
  choices: [{ index: 0, delta: delta ?? {}, finish_reason }],
})

/** OpenAI's chat completions, which many servers speak. Their own words for the finish reason are judged by the rule. */
export const chatCompletions: Dialect = {
  toReplayedMessage: reasoningOptions,
  toReplayed(type, options) {
    // Gemini's, which the SDK reads under the provider's name, and writes from Google's.
    const signature = Object.values(options).find(
      ({ thoughtSignature }) => thoughtSignature,
    )?.thoughtSignature
    return type === 'tool-call' && signature ? { google: { thoughtSignature: signature } } : undefined
  },
  finishReasons: {
    stop: 'stop',
    length: 'length',
    tool_calls: 'tool-calls',
    function_call: 'tool-calls',
    content_filter: 'filtered',
    // DeepSeek
    insufficient_system_resource: 'broken-off',
    // Mistral
    model_length: 'too-long',
    error: 'broken-off',
    // Zhipu
    sensitive: 'filtered',
    network_error: 'broken-off',
    // vLLM, SGLang
    abort: 'broken-off',
    // TGI, Together
    eos_token: 'stop',
    stop_sequence: 'stop',
    eos: 'stop',
  },
  createReader() {
    const blank = createBlankFinish(chatCompletions)
    const thinking = createThinkTags()
    const readReasoning = createReasoningReader().read
    const readCall = createCalls()
    let hasRefusal = false
    let isAnswered = false
    let isReasoned = false

    /** A few servers send the whole message in one event; others repeat it at the end. */
    const toDelta = (delta: unknown, message: unknown): unknown => {
      if (isJsonObject(delta)) {
        isAnswered ||= hasAnswer(delta)
        isReasoned ||= hasReasoning(delta)
      }
      if (isAnswered || !isJsonObject(message)) return delta
      const rest = isReasoned ? withoutReasoning(message) : message
      return isJsonObject(delta) ? { ...delta, ...rest } : rest
    }

    const readDelta = (value: JsonObject, isEnd: boolean): JsonObject => {
      const { role: _, tool_calls, function_call: only, refusal, content, ...rest } = value
      hasRefusal ||= Boolean(refusal)
      const { delta, reasoning } = readReasoning(rest)
      // Older servers have a single call.
      const pieces = readPieces(tool_calls ?? only)
      const said = { ...delta, content: readContent(content) || readContent(refusal) }
      const shown = thinking.read(said, isEnd || pieces.length > 0)
      return {
        ...withReasoning(shown, reasoning),
        tool_calls: pieces.flatMap((piece) => readCall(piece) ?? []),
      }
    }

    return {
      read({ choices, usage, x_groq: groq }) {
        const given = Array.isArray(choices) ? choices.filter(isJsonObject) : []
        const first = given.find(({ index }) => index === 0) ?? given[0]
        const counts = [usage, first?.usage, isJsonObject(groq) ? groq.usage : undefined]
          .map(readChatUsage)
          .find((found) => found !== undefined)
        if (choices === undefined || choices === null) return counts && { choices: [], usage: counts }
        if (!Array.isArray(choices)) return { choices }
        if (!first) return { choices: [], usage: counts }
        const delta = toDelta(first.delta, first.message)
        const reason = blank.read(first.finish_reason ?? first.finishReason)
        const read = isJsonObject(delta) ? readDelta(delta, Boolean(reason)) : delta
        const finish_reason = hasRefusal && reason ? 'content_filter' : reason
        return { choices: [{ delta: read, finish_reason }], usage: counts }
      },
      hasEnded: blank.hasEnded,
      end(isDone) {
        const rest = thinking.rest()
        if (blank.endsWhole(isDone)) return choice(rest, hasRefusal ? 'content_filter' : 'stop')
        return rest && choice(rest, null)
      },
    }
  },
}

import { isJsonObject, type JsonObject } from '../../json-object.js'
import { toArgumentsText } from './arguments.js'
import { createBlankFinish } from './blank-finish.js'
import type { Dialect } from './dialect.js'
import { reasoningOptions } from './reasoning-fields.js'
import { createThinkTags } from './think-tags.js'

const withText = (value: unknown): unknown => (typeof value === 'number' ? String(value) : value)

const readCall = (call: unknown): unknown => {
  if (!isJsonObject(call)) return call
  const { name, arguments: args, ...rest } = isJsonObject(call.function) ? call.function : {}
  // `"null"` beside the name says that the arguments follow, or that there are none.
  const text = typeof name === 'string' && args === 'null' ? '' : toArgumentsText(args)
  const index = typeof call.index === 'string' ? Number(call.index) : call.index
  return { ...call, index, id: withText(call.id), function: { ...rest, name, arguments: text } }
}

/** A server may have two fields for its model's reasoning, and leave one of them empty. */
const readReasoning = ({ reasoning_content: one, reasoning: other }: JsonObject): JsonObject => {
  const [text, otherText] = [one, other].map((value) => (typeof value === 'string' ? value : undefined))
  return text || !otherText ? { reasoning_content: text } : { reasoning: otherText }
}

const readDelta = (delta: unknown): unknown => {
  if (!isJsonObject(delta)) return delta
  const { role: _, tool_calls: calls, refusal, reasoning_content: _one, reasoning: _other, ...rest } = delta
  const content = rest.content || refusal
  return {
    ...rest,
    ...readReasoning(delta),
    content,
    tool_calls: Array.isArray(calls) ? calls.map(readCall) : calls,
  }
}

/** Keeps the counts, of which a server may have its own, or none. */
const readUsage = (usage: unknown): JsonObject | undefined => {
  if (!isJsonObject(usage)) return undefined
  const counts = Object.entries(usage).map(([name, value]) => [
    name,
    isJsonObject(value) ? readUsage(value) : value,
  ])
  return Object.fromEntries(counts.filter(([, value]) => typeof value === 'number' || isJsonObject(value)))
}

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
    const blank = createBlankFinish()
    const thinking = createThinkTags()
    let hasRefusal = false
    let hasDelta = false
    return {
      read({ choices, usage }) {
        const counts = readUsage(usage)
        if (choices === undefined || choices === null) return counts && { choices: [], usage: counts }
        if (!Array.isArray(choices)) return { choices }
        return {
          choices: choices.slice(0, 1).map((choice) => {
            if (!isJsonObject(choice)) return choice
            hasDelta ||= isJsonObject(choice.delta)
            // A few servers send the whole message in one event; others repeat it at the end.
            const delta = hasDelta ? choice.delta : choice.message
            hasRefusal ||= isJsonObject(delta) && Boolean(delta.refusal)
            const reason = blank.read(choice.finish_reason)
            const finish_reason = hasRefusal && reason === 'stop' ? 'content_filter' : reason
            const isEnd = Boolean(reason) || (isJsonObject(delta) && Array.isArray(delta.tool_calls))
            return { delta: thinking.read(readDelta(delta), isEnd), finish_reason }
          }),
          usage: counts,
        }
      },
      end(isDone) {
        const rest = thinking.rest()
        if (blank.endsWhole(isDone)) return choice(rest, 'stop')
        return rest && choice(rest, null)
      },
    }
  },
}

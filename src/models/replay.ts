import type { AssistantModelMessage, ModelMessage, ToolModelMessage, ToolResultPart } from 'ai'
import { stringify } from 'safe-stable-stringify'
import { toProviderName } from '../tools/tool-names.js'
import type { PastTurn, ProviderOptions, ResponsePart, ToolCall } from './model.js'
import type { Dialect } from './wire/dialect.js'

type AnyPart = Exclude<AssistantModelMessage['content'], string>[number]
/** The parts that are seen again; we ask for no others. */
type Part = Extract<AnyPart, { type: 'text' | 'reasoning' | 'tool-call' }>
type Output = ToolResultPart['output']
/** The SDK's type for options is that of JSON. */
type SdkOptions = NonNullable<Part['providerOptions']>

const withOptions = <T extends object>(part: T, options: ProviderOptions | undefined) => ({
  ...part,
  ...(options && { providerOptions: options as SdkOptions }),
})

/**
 * The parts of a response as its provider wants to see them again, in this turn and in later ones: with the options that the
 * dialect needs, and no others.
 */
export const replayedParts = (messages: readonly AssistantModelMessage[], dialect: Dialect): Part[] =>
  messages
    .flatMap(({ content }): AnyPart[] =>
      typeof content === 'string' ? [{ type: 'text', text: content }] : content,
    )
    .flatMap((part): Part[] => {
      if (part.type !== 'text' && part.type !== 'reasoning' && part.type !== 'tool-call') return []
      const { providerOptions, ...rest } = part
      const options = dialect.toReplayed(part.type, (providerOptions ?? {}) as ProviderOptions)
      if (part.type === 'reasoning' && !options) return []
      return [withOptions(rest, options)]
    })

/** A response as the assistant's message; `options` are those of the message as a whole. */
export const toAssistantMessage = (
  content: Part[],
  options: ProviderOptions | undefined,
): AssistantModelMessage => withOptions({ role: 'assistant', content }, options && ordered(options))

/** What later turns have to show the model of a response; undefined when its text is all. */
export const toResponseParts = (
  parts: readonly Part[],
  messageOptions: ProviderOptions | undefined,
): ResponsePart[] | undefined => {
  const kept = parts.map((part): ResponsePart => {
    const options = part.providerOptions && { options: part.providerOptions as ProviderOptions }
    if (part.type === 'text') return { type: 'text', length: part.text.length, ...options }
    if (part.type === 'reasoning') return { type: 'reasoning', text: part.text, ...options }
    return { type: 'tool-call', ...options }
  })
  if (messageOptions) kept.unshift({ type: 'message', options: messageOptions })
  return kept.some((part) => part.type !== 'text' || part.options) ? kept : undefined
}

const toOutput = (call: ToolCall): Output => {
  if (call.error !== undefined) return { type: 'error-text', value: call.error }
  if (typeof call.result === 'string') return { type: 'text', value: call.result }
  return { type: 'json', value: ordered(call.result ?? null) as Extract<Output, { type: 'json' }>['value'] }
}

export const toToolMessage = (calls: readonly ToolCall[]): ToolModelMessage => ({
  role: 'tool',
  content: calls.map((call) => ({
    type: 'tool-result',
    toolCallId: call.id,
    toolName: toProviderName(call.name),
    output: toOutput(call),
  })),
})

/** JSON with its fields in one order: what was stored and read again would be other bytes, which no prompt cache knows. */
const ordered = <T>(value: T): T => JSON.parse(stringify(value) ?? 'null')

/** A call with its stored id, name and arguments. Another provider's model may have used a name that this one rejects. */
export const toCallPart = ({ id, name, arguments: input }: ToolCall) =>
  ({ type: 'tool-call', toolCallId: id, toolName: toProviderName(name), input: ordered(input) }) as const

type AnswerMessage = Exclude<ModelMessage, { role: 'system' | 'user' }>

/**
 * The turn's responses and results one by one, as the same model has given and seen them; undefined if a call is not among them.
 * A turn that was cancelled in a call has its text at the end, since an answer has to end with one.
 */
const toResponses = (
  turn: PastTurn,
  where: 'in place' | 'at the end' = 'in place',
): AnswerMessage[] | undefined => {
  const { assistant, tool_calls = [], continuation } = turn
  const rest = [...tool_calls]
  const messages: AnswerMessage[] = []
  let begin = 0
  for (const { end, parts } of continuation?.steps ?? []) {
    const calls: ToolCall[] = []
    const length = parts.reduce((sum, part) => sum + (part.type === 'text' ? part.length : 0), 0)
    // What separates the texts of two responses is ours.
    begin = Math.max(begin, end - length)
    let options: ProviderOptions | undefined
    const content = parts.flatMap((part): Part[] => {
      if (part.type === 'message') {
        options = part.options
        return []
      }
      if (part.type === 'reasoning')
        return [withOptions({ type: 'reasoning', text: part.text }, part.options)]
      if (part.type === 'text') {
        const text = where === 'in place' ? assistant.slice(begin, begin + part.length) : ''
        begin += part.length
        return text.trim() === '' ? [] : [withOptions({ type: 'text', text }, part.options)]
      }
      const call = rest.shift()
      if (!call) return []
      calls.push(call)
      return [withOptions(toCallPart(call), part.options)]
    })
    messages.push(toAssistantMessage(content, options))
    if (calls.length > 0) messages.push(toToolMessage(calls))
  }
  if (rest.length > 0) return undefined
  const text = where === 'in place' ? assistant.slice(begin).trimStart() : assistant
  if (text) messages.push({ role: 'assistant', content: text })
  return messages.at(-1)?.role === 'assistant' ? messages : toResponses(turn, 'at the end')
}

const outcomeOf = (call: ToolCall): string => {
  const { value } = toOutput(call) as { value: unknown }
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** Calls and results as a text, which every provider takes from every model. */
const toText = (calls: readonly ToolCall[]): string =>
  calls
    .map((call) => {
      const { name, arguments: args, error } = call
      const outcome = error === undefined ? 'result' : 'error'
      return `[Called the tool ${name} with ${stringify(args)}; ${outcome}: ${outcomeOf(call)}]`
    })
    .join('\n')

/**
 * An earlier turn as a model has to be told of it. Calls are given as calls to the model that made them, with all that its
 * provider wants to see again; to another model, whose provider may want what only that one knew, as text. So they are in a request
 * without tools, in which some providers refuse calls.
 */
export const turnMessages = (turn: PastTurn, model: string, hasTools: boolean): ModelMessage[] => {
  const { user, assistant, tool_calls = [], continuation } = turn
  const mayReplay = continuation?.model === model && (hasTools || tool_calls.length === 0)
  const responses = mayReplay ? toResponses(turn) : undefined
  const content = tool_calls.length > 0 ? `${toText(tool_calls)}\n\n${assistant}` : assistant
  return [{ role: 'user', content: user }, ...(responses ?? [{ role: 'assistant' as const, content }])]
}

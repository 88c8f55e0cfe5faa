import {
  type JSONSchema7,
  jsonSchema,
  type LanguageModel,
  type LanguageModelUsage,
  type ProviderMetadata,
  streamText,
  type ToolSet,
  tool,
} from 'ai'
import { isJsonObject, type JsonObject } from '../json-object.js'
import type { ToolDefinition } from '../tools/tool.js'
import { type PendingResponse, toPendingResponse } from './messages.js'
import type { Model, ModelEvent, ModelUsage, ProviderOptions } from './model.js'
import { ModelError } from './model-error.js'
import { toPrompt } from './prompt.js'
import { toModelError } from './provider-errors.js'
import { toResponseParts } from './replay.js'
import { toArguments } from './wire/arguments.js'
import type { Dialect } from './wire/dialect.js'
import { toFinishReason } from './wire/finish-reasons.js'
import { withoutAlternatives } from './wire/tool-schema.js'

export interface LanguageModelSettings {
  /** undefined: the provider's default */
  maxOutputTokens: number | undefined
  /** the time limit for the first text, reasoning or tool call */
  firstEventTimeoutMs: number
  /** whether the model's reasoning is told */
  reasoning: boolean
}

export interface LanguageModelOptions extends LanguageModelSettings {
  name: string
  model: LanguageModel
  /** the provider's protocol */
  dialect: Dialect
  /** the API key, which must not appear in an error */
  secret: string | undefined
}

// The SDK prints warnings about unsupported settings to standard output, where our log is.
Object.assign(globalThis, { AI_SDK_LOG_WARNINGS: false })

type ToolCallEvent = Extract<ModelEvent, { type: 'tool-call' }>

/** Providers may send invalid counts, which the contract reports as unknown. */
const toCount = (tokens: number | undefined): number | null =>
  Number.isInteger(tokens) && tokens !== undefined && tokens >= 0 && tokens < 2 ** 31 ? tokens : null

const toUsage = (usage: LanguageModelUsage): ModelUsage => ({
  input_tokens: toCount(usage.inputTokens),
  output_tokens: toCount(usage.outputTokens),
  cached_input_tokens: toCount(usage.inputTokenDetails.cacheReadTokens),
  reasoning_tokens: toCount(usage.outputTokenDetails.reasoningTokens),
  total_tokens: toCount(usage.totalTokens),
})

/** What no one can convert costs its tool the description of its arguments, and the turn nothing. */
const toSchema = (schema: JsonObject, { toToolSchema = (schema) => schema }: Dialect): JsonObject => {
  try {
    return toToolSchema(withoutAlternatives(schema))
  } catch {
    return { type: 'object', properties: {} }
  }
}

/** Tools without `execute`: the turn engine runs them, not the SDK. */
const toToolSet = (tools: readonly ToolDefinition[], dialect: Dialect): ToolSet =>
  Object.fromEntries(
    tools.map(({ name, description, inputSchema }) => {
      const schema = toSchema(inputSchema, dialect) as JSONSchema7
      return [name, tool({ description, inputSchema: jsonSchema(schema) })]
    }),
  )

/**
 * Takes the arguments from the calls that a response ends with when it was cut at its longest: an empty object is then what the
 * model had not begun to write, and no call without arguments.
 */
const dropCutArguments = (calls: readonly ToolCallEvent[]): void => {
  for (const call of calls.toReversed()) {
    if (!isJsonObject(call.arguments) || Object.keys(call.arguments).length > 0) return
    call.arguments = null
  }
}

/** Adapts a model of the AI SDK. Makes one request without retries; see withRetries. */
export const languageModel = (options: LanguageModelOptions): Model => ({
  name: options.name,
  callsTools: true,
  async *run(request) {
    const { name, dialect, secret, firstEventTimeoutMs, reasoning, ...settings } = options
    const abort = new AbortController()
    const onAbort = () => abort.abort(request.signal.reason)
    request.signal.throwIfAborted()
    request.signal.addEventListener('abort', onAbort, { once: true })
    const timeout = new ModelError('model-timeout', 'the model did not begin to answer in time')
    const timer = setTimeout(() => abort.abort(timeout), firstEventTimeoutMs)
    const requestOptions = dialect.requestOptions?.(name.slice(name.indexOf('/') + 1), reasoning)
    const { steps = [], tools = [], toolChoice = 'auto' } = request
    let hasText = steps.some(({ continuation }) => (continuation as PendingResponse).hasText)
    let hasCalls = false
    let metadata: ProviderOptions = {}
    // What parts two pieces of reasoning that follow each other.
    let separator = ''
    let isReasoning = false
    // Held until a text follows or the response ends, so that one that breaks off with nothing but calls may be retried.
    const calls: ToolCallEvent[] = []
    try {
      const result = streamText({
        ...settings,
        temperature: request.temperature,
        ...(request.maxOutputTokens !== undefined && { maxOutputTokens: request.maxOutputTokens }),
        ...toPrompt(request, name, dialect),
        ...(tools.length > 0 && { tools: toToolSet(tools, dialect), toolChoice }),
        ...(requestOptions && { providerOptions: requestOptions as ProviderMetadata }),
        maxRetries: 0,
        abortSignal: abort.signal,
        // The default prints errors.
        onError: () => {},
      })
      for await (const part of result.fullStream) {
        switch (part.type) {
          case 'reasoning-start':
            separator = isReasoning ? '\n\n' : ''
            break
          case 'reasoning-delta':
            clearTimeout(timer)
            if (!reasoning || part.text === '') break
            yield* calls.splice(0)
            yield { type: 'reasoning-delta', delta: separator + part.text }
            separator = ''
            isReasoning = true
            break
          case 'tool-input-start':
            clearTimeout(timer)
            break
          case 'tool-call':
            clearTimeout(timer)
            hasCalls = true
            isReasoning = false
            calls.push({
              type: 'tool-call',
              id: part.toolCallId,
              name: part.toolName,
              arguments: toArguments(part.input),
            })
            break
          case 'text-delta':
            clearTimeout(timer)
            yield* calls.splice(0)
            isReasoning = false
            hasText ||= part.text.trim() !== ''
            yield { type: 'text-delta', delta: part.text }
            break
          case 'finish-step':
            metadata = (part.providerMetadata ?? {}) as ProviderOptions
            break
          case 'error':
            throw part.error
          case 'abort':
            throw abort.signal.reason
          case 'finish': {
            const reason = toFinishReason(dialect, part, { hasText, hasCalls }, secret)
            if (reason === 'length') dropCutArguments(calls)
            yield* calls.splice(0)
            const usage = toUsage(part.totalUsage)
            const cacheWriteTokens = toCount(part.totalUsage.inputTokenDetails.cacheWriteTokens)
            const { messages, modelId } = await result.response
            request.onResponse?.(modelId)
            const continuation = toPendingResponse(messages, metadata, hasText, dialect)
            const parts = toResponseParts(continuation.parts, continuation.options)
            yield {
              type: 'finish',
              usage,
              ...(cacheWriteTokens && { cacheWriteTokens }),
              ...(hasCalls ? { continuation } : { reason }),
              ...(parts && { parts }),
            }
          }
        }
      }
    } catch (error) {
      // An aborted request may fail with any error; the signal's reason is the cause.
      throw abort.signal.aborted ? abort.signal.reason : toModelError(error, secret)
    } finally {
      clearTimeout(timer)
      request.signal.removeEventListener('abort', onAbort)
      // Releases the provider's connection, however the response ended.
      abort.abort()
    }
  },
})

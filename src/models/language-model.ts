import {
  type JSONSchema7,
  jsonSchema,
  type LanguageModel,
  type LanguageModelUsage,
  streamText,
  type ToolSet,
  tool,
} from 'ai'
import type { ToolDefinition } from '../tools/tool.js'
import { type Continuation, toContinuation, toModelMessages } from './messages.js'
import type { Model, Usage } from './model.js'
import { ModelError } from './model-error.js'
import { toModelError } from './provider-errors.js'

export interface LanguageModelSettings {
  /** undefined: the provider's own */
  temperature: number | undefined
  /** undefined: the provider's own */
  maxOutputTokens: number | undefined
  /** how long a model may take until it says, or thinks, its first word */
  firstEventTimeoutMs: number
}

export interface LanguageModelOptions extends LanguageModelSettings {
  name: string
  model: LanguageModel
  /** the provider's key, which must not get into any error */
  secret: string | undefined
}

// The SDK's hints about settings that a model does not have would go to standard output, between the lines of the log.
Object.assign(globalThis, { AI_SDK_LOG_WARNINGS: false })

/** A count as the contract has it; what is none is not known. */
const countOf = (tokens: number | undefined): number | null =>
  Number.isInteger(tokens) && tokens !== undefined && tokens >= 0 && tokens < 2 ** 31 ? tokens : null

const usageOf = (usage: LanguageModelUsage): Usage => ({
  input_tokens: countOf(usage.inputTokens),
  output_tokens: countOf(usage.outputTokens),
  cached_input_tokens: countOf(usage.inputTokenDetails.cacheReadTokens),
  total_tokens: countOf(usage.totalTokens),
})

/** Why an answer that the provider calls finished is none. */
const faultOf = (reason: string, saysAnything: boolean): ModelError | undefined => {
  if (reason === 'content-filter')
    return new ModelError('model-content-filtered', 'the content filter stopped the answer')
  if (!saysAnything) return new ModelError('model-empty-answer', `the answer has no text (${reason})`)
  return undefined
}

/** The tools are the server's to run, so the SDK gets what the model has to know of them, and no more. */
const toolSet = (tools: readonly ToolDefinition[]): ToolSet =>
  Object.fromEntries(
    tools.map(({ name, description, inputSchema }) => [
      name,
      tool({ description, inputSchema: jsonSchema(inputSchema as JSONSchema7) }),
    ]),
  )

/** A model of the AI SDK as one of ours. It is asked once: whoever wants more wraps it in `retryModel`. */
export const languageModel = (options: LanguageModelOptions): Model => ({
  name: options.name,
  callsTools: true,
  async *run(request) {
    const { name: _, secret, firstEventTimeoutMs, ...settings } = options
    const abort = new AbortController()
    const stop = () => abort.abort(request.signal.reason)
    request.signal.throwIfAborted()
    request.signal.addEventListener('abort', stop, { once: true })
    const late = new ModelError('model-timeout', 'the model did not begin to answer in time')
    const timer = setTimeout(() => abort.abort(late), firstEventTimeoutMs)
    const { system, steps = [], tools = [], toolChoice = 'auto' } = request
    let hasText = steps.some(({ continuation }) => (continuation as Continuation).hasText)
    let hasCalls = false
    try {
      const result = streamText({
        ...settings,
        ...(system !== undefined && { system }),
        ...(tools.length > 0 && { tools: toolSet(tools), toolChoice }),
        messages: toModelMessages(request),
        maxRetries: 0,
        abortSignal: abort.signal,
        // It would print them.
        onError: () => {},
      })
      for await (const part of result.fullStream) {
        switch (part.type) {
          case 'reasoning-delta':
          case 'tool-input-start':
            clearTimeout(timer)
            break
          case 'tool-call':
            clearTimeout(timer)
            hasCalls = true
            yield { type: 'tool-call', id: part.toolCallId, name: part.toolName, arguments: part.input }
            break
          case 'text-delta':
            clearTimeout(timer)
            hasText ||= part.text.trim() !== ''
            yield { type: 'text-delta', delta: part.text }
            break
          case 'error':
            throw part.error
          case 'abort':
            throw abort.signal.reason
          case 'finish': {
            // OpenAI's responses give no reason for an answer that is whole.
            if (part.finishReason === 'other' && part.rawFinishReason === undefined) {
              throw new ModelError('model-broken-off', 'the stream ended without a reason', {
                isRetryable: true,
              })
            }
            const fault = faultOf(part.finishReason, hasText || hasCalls)
            if (fault) throw fault
            const usage = usageOf(part.totalUsage)
            if (hasCalls)
              yield {
                type: 'finish',
                usage,
                continuation: toContinuation((await result.response).messages, hasText),
              }
            else yield { type: 'finish', usage }
          }
        }
      }
    } catch (error) {
      // Whatever an aborted request fails with, the reason is why it was aborted.
      throw abort.signal.aborted ? abort.signal.reason : toModelError(error, secret)
    } finally {
      clearTimeout(timer)
      request.signal.removeEventListener('abort', stop)
      // The provider's connection is let go of, however the answer ends.
      abort.abort()
    }
  },
})

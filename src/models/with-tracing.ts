import { collectResponse, requestContent } from '../tracing/content.js'
import { chatSpan, toFinishReason, usageAttributes } from '../tracing/conventions.js'
import type { Tracing } from '../tracing/tracing.js'
import type { Model, ModelEvent } from './model.js'
import { ModelError } from './model-error.js'

/** The code of a failure. A turn that its user has cancelled is none. */
const failureOf = (error: unknown): string | undefined => {
  if (error instanceof ModelError) return error.code
  if (typeof error === 'string') return error === 'cancel' ? undefined : error
  return error instanceof Error ? error.name : 'error'
}

/** Traces each request to a model, also one that is a retry. */
export const withTracing = (model: Model, tracing: Tracing | undefined): Model => {
  if (!tracing) return model
  return {
    ...model,
    async *run(request) {
      const span = tracing.start(chatSpan(model.name, request))
      const content = tracing.capturesContent ? collectResponse() : undefined
      if (content) span.set(requestContent(request))
      const began = performance.now()
      let hasBegun = false
      const hear = (event: ModelEvent): void => {
        if (!hasBegun)
          span.set({ 'gen_ai.response.time_to_first_chunk': (performance.now() - began) / 1_000 })
        hasBegun = true
        content?.hear(event)
        if (event.type !== 'finish') return
        const reason = event.continuation === undefined ? (event.reason ?? 'stop') : 'tool_call'
        span.set({
          ...usageAttributes(event.usage, event.cacheWriteTokens),
          'gen_ai.response.finish_reasons': [toFinishReason(reason)],
          ...content?.attributes(reason),
        })
      }
      const onResponse = (name: string) => span.set({ 'gen_ai.response.model': name })
      const events = span.run(() => model.run({ ...request, onResponse })[Symbol.asyncIterator]())
      try {
        // A generator runs in the context of whoever asks for its next event.
        for (;;) {
          const next = await span.run(() => events.next())
          if (next.done) return
          hear(next.value)
          yield next.value
        }
      } catch (error) {
        const type = failureOf(error)
        if (type !== undefined) span.fail(type)
        throw error
      } finally {
        span.end()
        await events.return?.()
      }
    },
  }
}

import { type BegunResponse, beginResponse } from './begin-response.js'
import type { Cooldowns } from './cooldowns.js'
import type { Model, ModelRequest } from './model.js'
import { isUnbilled, ModelError } from './model-error.js'

export interface FallbackOptions {
  /** shared by all chains of the instance */
  cooldowns: Cooldowns
  log: { warn(fields: object, text: string): void }
}

/** Whether another provider may do better. A refusal of this very request, such as a prompt that is too long, stays a failure. */
const isProviderFailure = (error: unknown): error is ModelError =>
  error instanceof ModelError && (error.isRetryable || error.isUnavailable || error.code === 'model-timeout')

/**
 * Chains models: when one fails before its first event, the next one answers. A turn's later steps stay with the model of the first,
 * since what readers have seen and tools have done cannot be taken back.
 */
export const withFallback = (
  models: readonly [Model, ...Model[]],
  { cooldowns, log }: FallbackOptions,
): Model => {
  const ask = async (model: Model, request: ModelRequest): Promise<BegunResponse> => {
    cooldowns.asked(model.name)
    try {
      const response = await beginResponse(model, request)
      cooldowns.answered(model.name)
      return response
    } catch (error) {
      if (!request.signal.aborted && isProviderFailure(error)) cooldowns.failed(model.name, error)
      throw error
    }
  }

  /** The models to ask for a step, in order: that of the turn's earlier steps, or those that are not left alone, or else all. */
  const candidatesFor = ({ steps = [] }: ModelRequest): readonly Model[] => {
    const earlier = steps.at(-1)?.model
    if (earlier !== undefined) return models.filter(({ name }) => name === earlier)
    const rested = models.filter(({ name }) => !cooldowns.isResting(name))
    return rested.length > 0 ? rested : models
  }

  return {
    name: models[0].name,
    chain: models.map(({ name }) => name),
    callsTools: models.some(({ callsTools }) => callsTools === true),
    async *run(request) {
      const candidates = candidatesFor(request)
      let isPaid = false
      for (const [n, model] of candidates.entries()) {
        const next = candidates[n + 1]
        yield { type: 'model', name: model.name, ...(isPaid && { isPaidTwice: true }) }
        let response: BegunResponse
        try {
          response = await ask(model, { ...request, mayRetry: next === undefined })
        } catch (error) {
          if (!next || request.signal.aborted || !isProviderFailure(error)) throw error
          isPaid = !isUnbilled(error)
          log.warn(
            { model: model.name, next: next.name, err: error },
            'a model failed, the next one is asked',
          )
          continue
        }
        yield* response.events()
        return
      }
    },
  }
}

import { type BegunResponse, beginResponse } from './begin-response.js'
import type { Model } from './model.js'
import { ModelError } from './model-error.js'

/**
 * Asks with the request's temperature, or else the general one. Some models (those that reason, mostly) refuse a temperature, or this
 * one: they are asked again without it, and from then on at once.
 */
export const withTemperature = (model: Model, general: number | undefined): Model => {
  const refused = new Set<number>()
  return {
    ...model,
    async *run(request) {
      const temperature = request.temperature ?? general
      const ask = (temperature?: number): Promise<BegunResponse> =>
        beginResponse(model, { ...request, temperature })
      if (temperature === undefined || refused.has(temperature)) {
        yield* (await ask()).events()
        return
      }
      let response: BegunResponse
      try {
        response = await ask(temperature)
      } catch (error) {
        const isRefused = error instanceof ModelError && error.refusesTemperature && !request.signal.aborted
        if (!isRefused) throw error
        response = await ask()
        refused.add(temperature)
      }
      yield* response.events()
    },
  }
}

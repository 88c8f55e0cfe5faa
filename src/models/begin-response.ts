import type { Model, ModelEvent, ModelRequest } from './model.js'

/** A response whose first event has come. */
export interface BegunResponse {
  /** its events from the first one on; to be read to the end, or returned */
  events(): AsyncGenerator<ModelEvent>
}

/** Asks a model and waits for its first event. Until then nobody has seen anything, and another request may replace this one. */
export const beginResponse = async (model: Model, request: ModelRequest): Promise<BegunResponse> => {
  const rest = model.run(request)[Symbol.asyncIterator]()
  const first = await rest.next()
  return {
    async *events() {
      try {
        for (let next = first; !next.done; next = await rest.next()) yield next.value
      } finally {
        await rest.return?.()
      }
    },
  }
}

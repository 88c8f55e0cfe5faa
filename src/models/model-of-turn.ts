import type { Model } from './model.js'
import { ModelError } from './model-error.js'

/** Stands in for the model of a turn that is retried after the model was removed from the configuration. */
const unconfiguredModel = (name: string): Model => ({
  name,
  run() {
    throw new ModelError('model-failed', "the turn's model is no longer configured")
  },
})

/**
 * The model of a turn's attempt. `stored` is stored with the turn: the model that was asked last, which may be any of its chain.
 * `requested` is the one that the message asks for now, and decides between several chains.
 */
export const modelOfTurn = (models: ReadonlyMap<string, Model>, stored: string, requested: string): Model => {
  const candidates = [models.get(requested), models.get(stored), ...models.values()]
  const mayAnswer = (model: Model | undefined) => [model?.name, ...(model?.chain ?? [])].includes(stored)
  return candidates.find(mayAnswer) ?? unconfiguredModel(stored)
}
